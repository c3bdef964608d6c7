"""The exempt extension: whatever joins a call to it, nothing of it is recorded (R8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.expect import AGENT_HZ, CALLER_HZ
from ivr.lab.script import (
    EXEMPT_HZ,
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Speak,
    ThreeWay,
    Wait,
    WhenConnected,
)
from tests.engine import site, union
from tests.engine.house import AGENT, CALLER, House
from tests.engine.union import COLLEAGUE, EXEMPT, OUTSIDE, ROOM, calls_from, with_agent


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    one = build()
    union.prepare(one)
    one.start()
    return one


def test_an_ordinary_call_is_heard_from_its_first_word_on(house: House) -> None:
    call = house.call(with_agent(HangUp()))
    for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
        assert call.loudness(channel, hz, 0, 200) > 1000
        assert call.loudness(channel, hz, 1500, 1900) > 1000
    assert call.record["recording"]["pauses"] == []


@pytest.mark.parametrize(
    "script",
    [
        CallScript(dialled=OUTSIDE, steps=(WhenConnected(3000), HangUp())),
        CallScript.of_staff("1001", EXEMPT, WhenConnected(3000), HangUp()),
        calls_from("907700900123", WhenConnected(3000), HangUp()),
        CallScript.of_staff("1001", f"9{OUTSIDE}", WhenConnected(3000), HangUp()),
    ],
    ids=["from outside", "by staff", "out of the house", "through the trunk"],
)
def test_such_a_call_of_its_own(
    house: House, script: CallScript, logged: list[dict[str, Any]]
) -> None:
    """Nobody is told anything, and no engine is asked."""
    call = house.switch.place(script)
    house.clock.run_until(call.done.ready)
    house.clock.run(2_000)
    outcome = call.done.get()
    assert outcome.duration_ms >= 3000
    assert not list(house.spool.rglob("*.wav"))
    [record] = union.exempt_records(house)
    union.assert_bare(record)
    assert len(list((house.spool / "new").iterdir())) == 1
    assert house.metric("ivr_calls_exempt_total") == 1
    union.assert_nothing_kept(house, logged)


TALKS = Destination(hz=EXEMPT_HZ, steps=(WhenConnected(5900), Speak(aloud=False), HangUp()))
FORWARDS = Destination(redirect=EXEMPT, answer_ms=500)


@pytest.mark.parametrize(
    ("agent", "more"),
    [
        ((BlindTransfer(EXEMPT),), {}),
        ((AttendedTransfer(EXEMPT),), {}),
        ((BlindTransfer(COLLEAGUE), Wait(60_000)), {COLLEAGUE: FORWARDS}),
    ],
    ids=["blind", "attended", "through a telephone that forwards"],
)
def test_a_recording_ends_before_the_exempt_telephone_is_heard(
    house: House,
    logged: list[dict[str, Any]],
    agent: tuple[Any, ...],
    more: dict[str, Destination],
) -> None:
    placed = house.place(with_agent(*agent, more=more))
    call = house.over(placed)
    union.assert_ended_there(call.record, 3_200)
    for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
        assert call.loudness(channel, hz, 100, 1800) > 1000
    house.clock.run_until(placed.done.ready)
    assert placed.done.get().duration_ms > 20_000, "and the call goes on"
    union.assert_nothing_kept(house, logged, heard=[placed])


@pytest.mark.parametrize("rings", [True, False], ids=["ringing", "connected"])
def test_a_call_that_the_exempt_telephone_picks_up(
    house: House, logged: list[dict[str, Any]], rings: bool
) -> None:
    placed = house.place(with_agent(more={"desk": Destination(answer_ms=60_000)} if rings else {}))
    house.until(placed, "dialling" if rings else "connected")
    house.clock.run(1_500)
    taken = house.switch.place(calls_from("pickup-at-desk", Wait(4000), HangUp()))
    call = house.over(placed)
    house.clock.run_until(taken.done.ready)
    assert call.record["ended"]["reason"] == "exempt"
    assert placed.leg.times.bridged
    heard_ms = 0 if rings else 1_500
    heard = [path for path in call.parts if call.record["recording"]["state"] == "kept"]
    assert bool(heard) or rings
    assert call.record["durations"]["joined_ms"] == pytest.approx(heard_ms, abs=300)
    union.assert_nothing_kept(house, logged)


def test_a_telephone_that_rings_may_not_send_the_caller_there(
    house: House, logged: list[dict[str, Any]]
) -> None:
    """The desk forwards to it (302): the caller is told that nobody is there."""
    placed = house.place(with_agent(more={"desk": FORWARDS}))
    assert house.over(placed).record["ended"]["reason"] == "unavailable"
    with pytest.raises(LookupError):
        placed.at(EXEMPT)
    union.assert_nothing_kept(house, logged)


def test_a_conference_room_in_which_the_exempt_telephone_is(
    house: House, logged: list[dict[str, Any]]
) -> None:
    placed = house.place(with_agent(BlindTransfer(ROOM)))
    house.until(placed, "connected")
    house.clock.run(3_000)
    joins = house.switch.place(calls_from(ROOM, Wait(4000), HangUp()))
    call = house.over(placed)
    house.clock.run_until(joins.done.ready)
    assert call.record["recording"]["duration_ms"] < 3_000
    union.assert_nothing_kept(house, logged)


def test_who_comes_back_is_told_again_and_has_another_record(
    house: House, logged: list[dict[str, Any]]
) -> None:
    sends = Destination(
        hz=EXEMPT_HZ, steps=(WhenConnected(1500), BlindTransfer(site.NUMBER), Wait(60_000))
    )
    agent = (BlindTransfer(EXEMPT),)
    steps = (WhenConnected(), Wait(6500), HangUp())
    placed = house.place(with_agent(*agent, exempt=sends, steps=steps))
    house.clock.run_until((house.spool / "new" / f"{placed.uuid}.json").exists)
    first = (house.spool / "new" / f"{placed.uuid}.json").read_bytes()
    house.clock.run_until(placed.done.ready)
    house.clock.run(2_000)
    assert (house.spool / "new" / f"{placed.uuid}.json").read_bytes() == first
    call = house.over(placed)
    union.assert_ended_there(call.record, 2_200)
    others = [path for path in (house.spool / "new").glob("*.json") if path.stem != placed.uuid]
    [path] = others
    record = json.loads(path.read_text())
    assert record["prompts"][0]["name"] == "announcement"
    assert record["prompts"][0]["complete"]
    assert placed.uuid not in path.read_text()
    assert record["recording"]["state"] == "kept"
    union.assert_nothing_kept(house, logged, heard=[placed])


def test_whom_staff_call_may_be_sent_there(house: House, logged: list[dict[str, Any]]) -> None:
    steps = (WhenConnected(2000), BlindTransfer(EXEMPT), Wait(20_000))
    talks = Destination(steps=(WhenConnected(8000), HangUp()))
    script = CallScript(
        dialled="907700900123",
        number="1001",
        account="1001",
        context="default",
        steps=steps,
        destinations={EXEMPT: union.STAYS, "07700900123": talks},
        hz=AGENT_HZ,
    )
    placed = house.place(script)
    call = house.over(placed)
    union.assert_ended_there(call.record, 2_200)
    assert placed.at(EXEMPT).times.bridged
    union.assert_nothing_kept(house, logged, heard=[placed])


@pytest.mark.parametrize("lost", [False, True], ids=["", "the inbound line is lost at its end"])
def test_while_the_agent_asks_the_exempt_extension_nothing_is_heard(
    house: House, logged: list[dict[str, Any]], lost: bool
) -> None:
    """A telephone that mixes two calls itself tells nobody of it."""
    placed = house.place(with_agent(ThreeWay(EXEMPT, consult_ms=1000), exempt=TALKS))
    house.until(placed, "connected")
    house.clock.run(5_000)
    state = house.engine.context.calls[placed.uuid].state
    assert (state.masked, state.held) == (True, True)
    if lost:
        house.lose_line(4_000)
    house.clock.run(6_000)
    state = house.engine.context.calls[placed.uuid].state
    assert (state.masked, state.held) == (False, False)
    call = house.over(placed)
    assert [one["by"] for one in call.record["recording"]["pauses"]] == ["hold"]
    [record] = union.exempt_records(house)
    union.assert_bare(record)
    union.assert_nothing_kept(house, logged)


def test_whom_it_called_and_sends_on_has_not_its_name(
    house: House, logged: list[dict[str, Any]]
) -> None:
    """The leg of who was called shows who called it: the exempt telephone."""
    sends = (WhenConnected(1500), BlindTransfer(site.NUMBER), Wait(20_000))
    placed = house.switch.place(calls_from("907700900123", *sends))
    house.clock.run(12_000)
    for leg in house.switch.legs():
        leg.hang_up("NORMAL_CLEARING")
    house.clock.run(10_000)
    every = [json.loads(path.read_text()) for path in (house.spool / "new").glob("*.json")]
    [record] = [one for one in every if not one.get("exempt")]
    assert record["recording"]["state"] == "kept"
    assert (record["caller"], record["caller_name"]) == ("", "")
    assert placed.uuid not in repr(record)
    union.assert_nothing_kept(house, logged)


def test_a_call_of_it_that_another_dialplan_hands_over(
    house: House, logged: list[dict[str, Any]]
) -> None:
    """Such as that of a number that no route claims in the context where staff dial."""
    call = house.switch.place(calls_from(site.NUMBER, Wait(4000), HangUp()))
    house.clock.run_until(call.done.ready)
    house.clock.run(10_000)
    [record] = union.exempt_records(house)
    union.assert_bare(record)
    assert len(list((house.spool / "new").iterdir())) == 1
    union.assert_nothing_kept(house, logged)


def test_both_calls_of_an_agent_who_asks_the_exempt_extension(house: House) -> None:
    """One telephone, two recorded calls: each is heard again once that is over."""
    stays = {"desk": Destination(steps=(Wait(60_000),))}
    other = house.place(with_agent(more=stays))
    house.until(other, "connected")
    placed = house.place(with_agent(ThreeWay(EXEMPT), exempt=TALKS))
    house.until(placed, "connected")
    house.clock.run(5_000)
    calls = house.engine.context.calls
    both = [calls[one.uuid] for one in (other, placed)]
    assert [one.state.masked for one in both] == [True, True]
    house.clock.run(7_000)
    assert [one.state.masked for one in both] == [False, False]
    assert not house.engine.context.confidants


def test_who_speaks_with_it_already_is_not_heard_in_a_call_that_comes_then(house: House) -> None:
    """A telephone may hold the one call, take the other, and mix the two."""
    script = CallScript.of_staff("desk", EXEMPT, Wait(20_000), HangUp())
    asks = house.switch.place(script)
    house.clock.run(2_000)
    placed = house.place(with_agent())
    house.until(placed, "connected")
    house.clock.run(1_000)
    driver = house.engine.context.calls[placed.uuid]
    assert driver.state.masked
    house.clock.run_until(asks.done.ready)
    house.clock.run(1_000)
    assert not driver.state.masked
