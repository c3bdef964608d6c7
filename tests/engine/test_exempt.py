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
