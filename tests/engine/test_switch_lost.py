"""FreeSWITCH dies, and comes back or does not (R22; docs/freeswitch.md 70)."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ivr.engine.growth import GONE_MS
from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.expect import CALLER_HZ
from ivr.lab.script import Keys, Wait, WhenConnected
from tests.engine.house import CALLER, Call, House

TALKS = CallScript(destination=Destination())
PAUSES = CallScript(destination=Destination(steps=(WhenConnected(1000), Keys("*7"), Wait(60_000))))


def connected(house: House, script: CallScript = TALKS, ms: int = 2000) -> LabCall:
    call = house.place(script)
    house.until(call, "connected")
    house.clock.run(ms)
    return call


def killed(house: House, *calls: LabCall) -> None:
    """FreeSWITCH, with all its calls."""
    house.switch.kill()
    for call in calls:
        house.wrote(call)
    house.clock.settle()


def lost(house: House, call: LabCall) -> Call:
    """The record of a call of which FreeSWITCH knows nothing any more."""
    told = Call(house.spool, call)
    ended = told.record["ended"]
    assert (ended["by"], ended["reason"], ended["q850"]) == ("switch", "switch-lost", 0)
    return told


def test_its_recordings_are_repaired_and_hashed(house):
    call = connected(house)
    killed(house, call)
    house.clock.run(1000)
    house.switch = house.switch.successor()
    house.clock.run(30_000)
    told = lost(house, call)
    told.assert_heard(1900, 2100)
    recording = told.record["recording"]
    assert recording["repaired"]
    assert recording["sha256"] == sha256(told.audio.read_bytes()).hexdigest()
    assert told.record["durations"]["connected_ms"] <= 2100, "to its last sign of life"
    assert (
        house.metric(
            "ivr_calls_ended_total", by="switch", reason="switch-lost", team="customer-services"
        )
        == 1
    )
    assert house.engine.context.calls == {}


def test_what_was_paused_is_silent(house):
    call = connected(house, PAUSES, 4000)
    killed(house, call)
    house.switch = house.switch.successor()
    house.clock.run(30_000)
    told = lost(house, call)
    (pause,) = told.record["recording"]["pauses"]
    assert (pause["by"], pause["how"], pause["leaked_peak"]) == ("agent", "masked", 0)
    assert told.loudness(CALLER, CALLER_HZ, pause["start_ms"]) == 0
    assert told.loudness(CALLER, CALLER_HZ, 0, pause["start_ms"] - 100) > 1000


def test_new_calls_are_taken_of_the_next_one(house):
    call = connected(house)
    before = house.engine.control.switch
    killed(house, call)
    house.switch = house.switch.successor()
    house.clock.run(30_000)
    assert before != house.engine.control.switch == house.switch.core_uuid
    house.call(CallScript(destination=Destination.talks(1000))).assert_heard(1000)


def test_it_never_comes_back(house):
    """Nothing listens on its port and nothing grows: after ten seconds that is its end."""
    call = connected(house)
    killed(house, call)
    house.clock.run(GONE_MS)
    assert not (house.spool / f"new/{call.uuid}.json").exists()
    house.clock.run(GONE_MS)
    lost(house, call).assert_heard(1900, 2100)
    assert house.engine.context.calls == {}
    assert house.metric("ivr_recordings_stalled_total", outcome="renewed") == 0


def test_a_call_that_heard_a_prompt_has_its_record_when_it_comes_back(house):
    call = house.place(TALKS)
    house.until(call, "announcing")
    killed(house)
    house.clock.run(20_000)
    house.switch = house.switch.successor()
    house.clock.run(60_000)
    told = lost(house, call)
    assert told.record["recording"]["state"] == "none"
    assert told.record["announcement"] == "no"


def test_a_wrong_password_is_no_death(house):
    """It listens: whatever it is that stands still, or ends, nothing is concluded of it."""
    call = connected(house)
    house.lose(call)
    house.switch.password = "other, for now"
    house.inbound()[0].drop()
    house.switch.faults.fill(house.spool)  # and nothing grows
    house.clock.run(10 * GONE_MS)
    assert house.metric("ivr_calls", phase="unlinked") == 1
    assert list((house.spool / "new").iterdir()) == []
    house.switch.faults.free(house.spool)
    house.switch.password = "ClueCon"
    house.clock.run_until(lambda: house.engine.control.connected)
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    assert told.record["ended"]["by"] == "caller"
    assert told.record["recording"]["state"] == "kept"


def test_calls_that_go_on_while_it_cannot_be_asked_are_let_alone(house):
    """Its port is closed, as by a filter of packets, and its recordings grow."""
    call = connected(house)
    house.lose(call)
    house.switch._server.stop()
    house.inbound()[0].drop()
    house.clock.run(10 * GONE_MS)
    assert house.metric("ivr_freeswitch_connected") == 0
    assert house.metric("ivr_calls", phase="unlinked") == 1
    house.switch._server = None
    house.switch.listen(house.switch.address)
    house.clock.run_until(lambda: house.engine.control.connected)
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    assert told.record["ended"]["by"] == "caller"
    told.assert_heard(10 * GONE_MS, 20 * GONE_MS)


@pytest.mark.parametrize("comes_back", [True, False])
def test_both_die(house, comes_back):
    """The engine that starts finds the calls in its journal, and no FreeSWITCH, or another one."""
    call = connected(house)
    house.stop()
    killed(house, call)
    if comes_back:
        house.switch = house.switch.successor()
    house.start()
    house.clock.run(3 * GONE_MS)
    told = lost(house, call)
    told.assert_heard(1900, 2100)
    assert told.record["recording"]["repaired"]
