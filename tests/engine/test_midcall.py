"""Opting out in mid-call: what each hears, what is kept, and every way that it ends (R4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.expect import AGENT_HZ, CALLER_HZ
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from tests.engine.house import AGENT, CALLER, House

KEEP, DESTROY = "keep", "destroy"


@pytest.fixture
def house(build: Callable[..., House], request: pytest.FixtureRequest) -> House:
    """The parameter is what becomes of what was recorded before."""
    one = build()
    policy = one.folder / "dialplan/policy.yaml"
    recorded = getattr(request, "param", KEEP)
    text = policy.read_text().replace(
        "    reminders: 2\n", f"    reminders: 2\n    connected: {recorded}\n"
    )
    policy.write_text(text)
    one.start()
    return one


def script(*steps: Any, agent_ms: int = 60_000) -> CallScript:
    return CallScript(
        steps=(WhenConnected(2000), *steps),
        destination=Destination(steps=(WhenConnected(), Wait(agent_ms), HangUp())),
    )


def spans(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["by"], one["how"]) for one in record["recording"]["pauses"]]


def test_who_comes_back_is_recorded_on_and_nothing_in_between(house: House) -> None:
    call = house.call(script(Keys("*#*"), Wait(2500), Keys("1"), Wait(3000), HangUp()))
    record = call.record
    assert record["opt_out"] == {
        "started": 1,
        "returned": 1,
        "confirmed": False,
        "how": "",
        "reminders_repeated": 0,
    }
    assert spans(record) == [("opt-out", "masked")]
    [pause] = record["recording"]["pauses"]
    assert pause["verdict"] in ("verified", "repaired")
    for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
        assert call.loudness(channel, hz, 200, 1500) > 1000
        assert call.loudness(channel, hz, pause["start_ms"], pause["end_ms"]) == 0
        end = record["recording"]["duration_ms"]
        assert call.loudness(channel, hz, end - 1500, end - 200) > 1000


@pytest.mark.parametrize("house", [KEEP, DESTROY], indirect=True)
def test_who_does_not_is_not(house: House, request: pytest.FixtureRequest) -> None:
    call = house.call(script(Keys("*#*"), Wait(30_000)))
    record = call.record
    assert record["ended"]["reason"] == "opted-out"
    assert (record["opt_out"]["confirmed"], record["opt_out"]["how"]) == (True, "timeout")
    kept = "kept" if "keep" in request.node.name else "destroyed"
    assert record["recording"]["state"] == kept
    audio = list(house.spool.rglob("*.wav"))
    assert len(audio) == (kept == "kept")


def test_keys_that_are_not_the_sequence_make_a_short_gap(house: House) -> None:
    call = house.call(script(Keys("*"), Wait(4000), HangUp()))
    assert spans(call.record) == [("opt-out", "masked")]
    assert call.record["opt_out"]["started"] == 0


def test_the_agent_hangs_up_meanwhile(house: House) -> None:
    call = house.call(script(Keys("*#*"), Wait(3000), Keys("1"), Wait(20_000), agent_ms=4000))
    assert call.record["ended"]["reason"] == "agent-gone"


def test_the_caller_hangs_up_meanwhile_and_nobody_waits_for_ever(house: House) -> None:
    call = house.call(script(Keys("*#*"), Wait(2000), HangUp()))
    assert (call.record["opt_out"]["how"], call.record["ended"]["by"]) == ("hangup", "caller")
    house.clock.run(2_000)
    assert not house.switch.legs()
