"""The exempt extension: whatever joins a call to it, nothing of it is recorded (R8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.expect import AGENT_HZ, CALLER_HZ
from ivr.lab.script import AttendedTransfer, BlindTransfer, HangUp, Wait, WhenConnected
from tests.engine.house import AGENT, CALLER, House

EXEMPT = "1999"
COLLEAGUE = "1002"


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    one = build()
    policy = one.folder / "dialplan/policy.yaml"
    exempt = f'exempt:\n  - extension: "{EXEMPT}"\n    dial: "sofia/lab/{EXEMPT}"\n'
    policy.write_text(policy.read_text() + exempt)
    one.start()
    return one


def script(*agent: Any, **more: Any) -> CallScript:
    """From two seconds after the connection the agent does this."""
    return CallScript(
        steps=(WhenConnected(), Wait(20_000), HangUp()),
        destination=Destination(steps=(WhenConnected(2000), *agent, Wait(60_000))),
        **more,
    )


def nothing_kept(house: House) -> None:
    """No byte of what the engine keeps names the exempt extension."""
    for path in house.spool.rglob("*"):
        if path.is_file() and path.suffix != ".wav":
            assert EXEMPT.encode() not in path.read_bytes(), path


def test_an_ordinary_call_is_heard_from_its_first_word_on(house: House) -> None:
    call = house.call(script(HangUp()))
    for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
        assert call.loudness(channel, hz, 0, 200) > 1000
        assert call.loudness(channel, hz, 1500, 1900) > 1000
    assert call.record["recording"]["pauses"] == []


@pytest.mark.parametrize("transfer", [BlindTransfer(EXEMPT), AttendedTransfer(EXEMPT)])
def test_a_recording_ends_before_the_exempt_telephone_is_heard(
    house: House, transfer: BlindTransfer | AttendedTransfer
) -> None:
    call = house.call(script(transfer))
    record = call.record
    assert (record["ended"]["by"], record["ended"]["reason"]) == ("engine", "exempt")
    assert len(record["legs"]) == 1
    assert record["recording"]["state"] == "kept"
    joined_ms = record["durations"]["joined_ms"]
    assert record["recording"]["duration_ms"] == pytest.approx(joined_ms, abs=400)
    assert record["recording"]["duration_ms"] < 9_000
    nothing_kept(house)
    assert json.dumps(record).find(EXEMPT) < 0


def test_a_colleague_is_recorded_on(house: House) -> None:
    house.extensions[COLLEAGUE] = ()
    call = house.call(script(HangUp()))
    assert call.record["recording"]["state"] == "kept"


def test_while_the_agent_asks_the_exempt_extension_nothing_is_heard(house: House) -> None:
    """A telephone that mixes two calls itself tells nobody of it."""
    call = house.place(script())
    house.until(call, "connected")
    house.clock.run(1_000)
    asks = house.switch.place(
        CallScript(dialled=EXEMPT, number="desk", context="default", steps=(Wait(3_000), HangUp()))
    )
    house.clock.run(1_000)
    assert house.metric("ivr_calls_exempt_total") == 1
    state = house.engine.context.calls[call.uuid].state
    assert (state.masked, state.held) == (True, True)
    house.clock.run_until(asks.done.ready)
    house.clock.run(1_000)
    state = house.engine.context.calls[call.uuid].state
    assert (state.masked, state.held) == (False, False)
    record = house.over(call).record
    assert [one["by"] for one in record["recording"]["pauses"]] == ["hold"]
    exempt = [path for path in (house.spool / "new").glob("*.json") if call.uuid not in path.name]
    [kept] = [json.loads(path.read_text()) for path in exempt]
    assert set(kept) == {"schema", "call", "exempt", "day", "host", "engine"}
