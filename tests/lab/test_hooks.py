"""What variables have a leg do when it is answered, and when it leaves a bridge.

docs/freeswitch.md 80: the recorded leg masks its own recording before it can hear anybody else,
however slow the engine is.
"""

from __future__ import annotations

import pytest

from ivr.lab import PICK_UP, CallScript, Destination
from ivr.lab.script import (
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Hold,
    Unhold,
    Wait,
    WhenConnected,
)
from ivr.lab.session import Action
from tests.lab.client import begin, spawn
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
EXEMPT_HZ = 1200
EVENTS = (
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE "
    "CHANNEL_APPLICATION RECORD_STOP"
)
EXEMPT = Destination(hz=EXEMPT_HZ, steps=(WhenConnected(1500), HangUp()))
BARE = {**PICK_UP, "1999": (Action("bridge", "user/1999"),)}


@pytest.fixture
def veiled(clock, switch, engine, tmp_path):
    """A call that is recorded, its leg veiled by itself at every parting."""

    def place(script, during=lambda client, uuid: None, begun_masked=False):
        path = tmp_path / "call.wav"

        def part(client):
            uuid = begin(client, events=EVENTS)
            for variable in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true"):
                client.execute("set", variable)
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(
                f"api uuid_setvar {uuid} execute_on_post_bridge_ivr record_session_mask {path}"
            )
            client.ask(f"api uuid_record {uuid} start {path}")
            dial = "sofia/lab/agent"
            if begun_masked:
                client.ask(f"api uuid_record {uuid} mask {path}")
                dial = f"[api_on_answer_ivr='uuid_record {uuid} unmask {path}']{dial}"
            client.execute("bridge", dial)
            client.until("CHANNEL_EXECUTE", Application="bridge")
            during(client, uuid)
            client.rest()
            return [m for m in client.seen if m.event]

        one = engine(part)
        switch.dialplan = {**BARE, **switch.dialplan}
        call = switch.place(script)
        call.path = path
        call.told = lambda: (clock.run_until(one.finished), one.results[0].get())[1]
        return call

    return place


def assert_heard_until(call, ms: int) -> None:
    """Both are heard so long, then nothing whatever is."""
    tape = Recording(call.path)
    assert tape.hears(CALLER, 440, 100, ms - 100)
    assert tape.hears(AGENT, 880, 100, ms - 100)
    assert tape.ms > ms + 500
    for channel in (CALLER, AGENT):
        assert tape.silent(channel, ms + 1, tape.ms), "not one sample"


WAYS = {
    "attended transfer": AttendedTransfer("1999", 200),
    "blind transfer": BlindTransfer("1999"),
}


@pytest.mark.parametrize("step", WAYS.values(), ids=WAYS)
def test_the_leg_is_masked_before_it_hears_a_third(clock, veiled, step):
    agent = Destination(steps=(WhenConnected(1000), step, Wait(60_000)))
    call = veiled(CallScript(destinations={"agent": agent, "1999": EXEMPT}))
    clock.run_until(call.done.ready)
    told = [(m.name, m.value("Application")) for m in call.told()]
    at = told.index(("CHANNEL_UNBRIDGE", ""))
    assert told[at - 2 : at] == [
        ("CHANNEL_EXECUTE", "record_session_mask"),
        ("CHANNEL_EXECUTE_COMPLETE", "record_session_mask"),
    ]
    tape = Recording(call.path)
    for channel in (CALLER, AGENT):
        assert not tape.hears(channel, EXEMPT_HZ, 0, tape.ms)
        assert tape.silent(channel, tape.ms - 1200, tape.ms)
    assert tape.hears(AGENT, 880, 100, 900)


def _parked(clock, switch) -> str:
    """The leg of an exempt telephone that was called, answered, and waits."""
    switch.destinations["1999"] = Destination(hz=EXEMPT_HZ)
    made = spawn(lambda: switch.api("originate", "user/1999 &park()"))
    clock.run_until(made.ready)
    return made.get().split()[1]


@pytest.mark.parametrize("order", ["A E", "E A"])
def test_the_leg_is_masked_before_it_is_joined_by_command(clock, switch, veiled, order):
    call = veiled(CallScript(destination=Destination(steps=(Wait(60_000),))))
    clock.run_until(lambda: call.leg.bridged)
    clock.run(1000)
    exempt = _parked(clock, switch)
    legs = {"A": call.uuid, "E": exempt}
    switch.api("uuid_bridge", " ".join(legs[one] for one in order.split()))
    clock.run(1500)
    switch.api("uuid_kill", call.uuid)
    clock.run_until(call.done.ready)
    assert_heard_until(call, 1040)


def test_the_leg_is_masked_before_another_picks_it_up(clock, switch, veiled):
    call = veiled(CallScript(destination=Destination()))
    clock.run_until(lambda: call.leg.bridged)
    clock.run(1000)
    taker = switch.place(
        CallScript(
            dialled=f"pickup-{call.uuid}", hz=EXEMPT_HZ, steps=(WhenConnected(1500), HangUp())
        )
    )
    clock.run_until(lambda: taker.done.ready() and call.done.ready())
    assert_heard_until(call, 1040)


def test_who_picks_up_a_ringing_call_is_not_recorded_where_the_answer_unmasks(
    clock, switch, veiled
):
    call = veiled(CallScript(destination=Destination(answer_ms=5000)), begun_masked=True)
    clock.run(1000)
    taker = switch.place(
        CallScript(
            dialled=f"pickup-{call.uuid}", hz=EXEMPT_HZ, steps=(WhenConnected(1500), HangUp())
        )
    )
    clock.run_until(lambda: taker.done.ready() and call.done.ready())
    assert call.other.hangup_cause == "PICKED_OFF"
    tape = Recording(call.path)
    assert tape.ms >= 1400
    assert tape.silent(CALLER, 0, tape.ms)
    assert tape.silent(AGENT, 0, tape.ms)


def test_nobody_is_joined_where_the_ringing_telephone_itself_is_picked_up(clock, switch, veiled):
    call = veiled(CallScript(destination=Destination(answer_ms=5000)), begun_masked=True)
    clock.run(1000)
    taker = switch.place(CallScript(dialled=f"pickup-{call.other.uuid}", hz=EXEMPT_HZ))
    clock.run_until(lambda: taker.done.ready() and call.done.ready())
    causes = (call.leg.hangup_cause, call.other.hangup_cause, taker.leg.hangup_cause)
    assert causes == ("PICKED_OFF", "DESTINATION_OUT_OF_ORDER", "ORIGINATOR_CANCEL")
    assert not call.path.exists(), "it was empty"


def test_nothing_is_lost_where_the_answer_unmasks(clock, veiled):
    call = veiled(CallScript(destination=Destination.talks(1000)), begun_masked=True)
    clock.run_until(call.done.ready)
    tape = Recording(call.path)
    assert tape.ms >= 980
    assert tape.hears(CALLER, 440, 0, 20)
    assert tape.hears(AGENT, 880, 0, 20)


def test_the_other_leg_masks_its_own(clock, switch, veiled, tmp_path):
    """The recorded leg may be the one that was called: in a call that staff make."""
    path = tmp_path / "b.wav"
    call = veiled(CallScript(destination=Destination()))
    clock.run_until(lambda: call.leg.bridged)
    other = call.other
    for name in ("RECORD_STEREO", "RECORD_BRIDGE_REQ"):
        other.set(name, "true")
    switch.api("uuid_setvar", f"{other.uuid} execute_on_post_bridge_x record_session_mask {path}")
    clock.run_until(lambda: call.leg.tick_ms() == clock.monotonic_ms())
    started = clock.monotonic_ms()
    asked = spawn(lambda: switch.api("uuid_record", f"{other.uuid} start {path}"))
    clock.run_until(asked.ready)
    clock.run(1000)
    exempt = _parked(clock, switch)
    ms = clock.monotonic_ms() - started
    switch.api("uuid_bridge", f"{exempt} {other.uuid}")
    clock.run(1500)
    switch.api("uuid_kill", other.uuid)
    clock.run(100)
    tape = Recording(path)
    assert tape.ms > ms + 1000
    for channel in (CALLER, AGENT):
        assert not tape.hears(channel, EXEMPT_HZ, 0, tape.ms)
        assert tape.silent(channel, ms + 20, tape.ms)
    assert tape.hears(CALLER, 880, 100, 900), "who was called"


def test_a_hold_is_no_parting(clock, veiled):
    agent = Destination(
        steps=(WhenConnected(500), Hold(), Wait(500), Unhold(), Wait(800), HangUp())
    )
    call = veiled(CallScript(destination=agent))
    clock.run_until(call.done.ready)
    tape = Recording(call.path)
    assert tape.hears(AGENT, 880, tape.ms - 400, tape.ms)


def test_a_leg_that_was_hung_up_runs_nothing(clock, veiled):
    call = veiled(CallScript(destination=Destination(), steps=(WhenConnected(500), HangUp())))
    clock.run_until(call.done.ready)
    assert "record_session_mask" not in [m.value("Application") for m in call.told()]


def test_many_hooks_run_in_the_order_in_which_they_were_set(clock, veiled):
    def during(client, uuid):
        client.ask(f"api uuid_setvar {uuid} execute_on_post_bridge_b event Ivr-Test=b")
        client.ask(f"api uuid_setvar {uuid} execute_on_post_bridge_a event::Ivr-Test=a")

    agent = Destination(steps=(WhenConnected(500), BlindTransfer("1999"), Wait(1000)))
    call = veiled(CallScript(destinations={"agent": agent, "1999": EXEMPT}), during)
    clock.run_until(call.done.ready)
    events = [m.value("Ivr-Test") for m in call.told() if m.name == "CHANNEL_APPLICATION"]
    assert events[:2] == ["b", "a"]
