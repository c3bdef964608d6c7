"""The exempt extension, and engines that are not there just then (R8, R22)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ivr.lab import Destination
from ivr.lab.script import EXEMPT_HZ, AttendedTransfer, BlindTransfer, HangUp, Wait, WhenConnected
from tests.engine import site, union
from tests.engine.house import House
from tests.engine.union import EXEMPT, calls_from, with_agent

TRANSFERS = [BlindTransfer(EXEMPT), AttendedTransfer(EXEMPT, consult_ms=1000)]
WAYS = ["blind", "attended"]


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    one = build()
    union.prepare(one)
    one.start()
    return one


@pytest.mark.parametrize("transfer", TRANSFERS, ids=WAYS)
@pytest.mark.parametrize("away_ms", [200, 2_500, 40_000])
@pytest.mark.parametrize("at_ms", [1_000, 2_050, 2_500, 3_300], ids="after {} ms".format)
def test_the_engine_is_stopped_and_the_next_one_comes(
    house: House,
    logged: list[dict[str, Any]],
    transfer: BlindTransfer | AttendedTransfer,
    away_ms: int,
    at_ms: int,
) -> None:
    """Before the transfer (at two seconds), in the consultation, while they talk, and until the
    call is over: whatever the next engine finds."""
    placed = house.place(with_agent(transfer))
    house.until(placed, "connected")
    house.clock.run(at_ms)
    house.stop()
    house.clock.run(away_ms)
    house.start()
    house.clock.run_until(placed.done.ready)
    record = house.over(placed).record
    assert placed.done.get().duration_ms > 20_000
    reason = (record["ended"]["by"], record["ended"]["reason"])
    if away_ms < 10_000:
        assert reason == ("engine", "exempt")
        assert record["durations"]["joined_ms"] < max(3_000, at_ms + away_ms) + 1_500
    assert len(record["legs"]) == 1
    union.assert_nothing_kept(house, logged, heard=[placed])


@pytest.mark.parametrize("rings", [True, False], ids=["ringing", "connected"])
def test_picked_up_while_there_is_no_engine(
    house: House, logged: list[dict[str, Any]], rings: bool
) -> None:
    places = {"desk": Destination(answer_ms=4_000)} if rings else {}
    placed = house.place(with_agent(more=places))
    house.until(placed, "dialling" if rings else "connected")
    house.clock.run(1_000)
    house.stop()
    taken = house.switch.place(calls_from("pickup-at-desk", Wait(6000), HangUp()))
    house.clock.run(1_000)
    house.start()
    house.clock.run_until(taken.done.ready)
    assert taken.leg.times.bridged
    record = house.over(placed).record
    assert record["ended"]["reason"] == "exempt"
    union.assert_nothing_kept(house, logged)


def test_back_from_there_to_a_route_while_there_is_no_engine(
    house: House, logged: list[dict[str, Any]]
) -> None:
    """The route's own fallback has the call, unrecorded; the next engine ends the record that the
    first began."""
    sends = Destination(
        hz=EXEMPT_HZ, steps=(WhenConnected(1500), BlindTransfer(site.NUMBER), Wait(60_000))
    )
    agent = (BlindTransfer(EXEMPT),)
    steps = (WhenConnected(), Wait(12_000), HangUp())
    placed = house.place(with_agent(*agent, exempt=sends, steps=steps))
    house.until(placed, "connected")
    house.clock.run(1_900)
    house.stop()
    house.clock.run(3_000)
    house.start()
    house.clock.run_until(placed.done.ready)
    house.clock.run(3_000)
    record = house.over(placed).record
    assert record["recording"]["duration_ms"] < 2_300
    for path in (house.spool / "new").glob("*.json"):
        one = json.loads(path.read_text())
        assert one["call"] == placed.uuid or one["prompts"][0]["complete"]
    union.assert_nothing_kept(house, logged, heard=[placed])


def test_two_engines_make_the_same_record_of_an_exempt_call_and_one_of_a_recorded_one(
    house: House, logged: list[dict[str, Any]]
) -> None:
    folder = house.folder / "neighbour"
    folder.mkdir()
    other = House(folder, beside=house)
    union.prepare(other)
    other.start()
    house.switch.dialplan = house.dialplan(house.engine.calls.port, other.engine.calls.port)
    alone = house.switch.place(calls_from("907700900123", WhenConnected(1000), HangUp()))
    house.clock.run_until(alone.done.ready)
    house.clock.run(2_000)
    [one], [two] = (union.exempt_records(each) for each in (house, other))
    assert one == two
    union.assert_bare(one)
    # The second's call, told of to both.
    house.switch.dialplan = house.dialplan(other.engine.calls.port, house.engine.calls.port)
    placed = house.place(with_agent(BlindTransfer(EXEMPT)))
    record = other.over(placed).record
    union.assert_ended_there(record, 2_200)
    assert not (house.spool / "new" / f"{placed.uuid}.json").exists()
    house.clock.run_until(placed.done.ready)
    for each in (house, other):
        assert len(union.exempt_records(each)) == 1
        union.assert_nothing_kept(each, logged, heard=[placed])
    other.engine.stop(drain_s=0.2)
    house.clock.settle()
