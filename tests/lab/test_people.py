"""What scripts can say of people beyond a caller and an agent: staff who call, pick up, an exempt
telephone."""

from __future__ import annotations

import pytest

from ivr.lab import PICK_UP, CallScript, Destination, as_extensions
from ivr.lab.apps import start_recording
from ivr.lab.expect import loudest
from ivr.lab.script import EXEMPT_HZ, HangUp, Wait, WhenConnected
from ivr.lab.session import Action

CALLED = as_extensions(
    {**PICK_UP, ".*": (Action("bridge", "user/${destination_number}"), Action("hangup"))}
)


def test_staff_call_from_their_own_account(clock, switch):
    switch.dialplan = CALLED
    call = switch.place(CallScript.of_staff("1001", "07700900123", WhenConnected(500), HangUp()))
    clock.run(100)
    assert call.leg.party.context == "default"
    assert call.leg.get("user_name") == call.leg.party.number == "1001"
    clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is not None


@pytest.mark.parametrize("answers_ms", [0, 5000], ids=["talked about", "ringing"])
def test_a_telephone_picks_up_what_is_at_another(clock, switch, answers_ms):
    switch.dialplan = CALLED
    call = switch.place(
        CallScript(
            dialled="1001", destination=Destination(answer_ms=answers_ms), steps=(Wait(9000),)
        )
    )
    clock.run(1000)
    taker = switch.place(
        CallScript.of_staff("1002", "pickup-at-1001", WhenConnected(500), HangUp())
    )
    clock.run_until(lambda: taker.leg.peer is call.leg)
    assert call.at("1001").hangup_cause == "PICKED_OFF"
    clock.run_until(call.done.ready)


def test_nobody_picks_up_where_nobody_is(clock, switch):
    switch.dialplan = CALLED
    taker = switch.place(CallScript.of_staff("1002", "pickup-at-1001"))
    clock.run_until(taker.done.ready)
    assert taker.done.get().connected_ms is None


def test_an_exempt_telephone_is_told_by_its_pitch(clock, switch, tmp_path):
    switch.dialplan = CALLED
    paths = {}
    for number, place in (("1001", Destination.talks(1000)), ("1999", Destination.exempt(1000))):
        call = switch.place(CallScript(dialled=number, destination=place, steps=(Wait(9000),)))
        clock.run_until(lambda leg=call.leg: leg.bridged)
        call.leg.set("RECORD_STEREO", "true")
        paths[number] = tmp_path / f"{number}.wav"
        start_recording(call.leg, str(paths[number]))
        clock.run_until(call.done.ready)
    assert loudest(paths["1999"], EXEMPT_HZ) > 5000
    assert loudest(paths["1001"], EXEMPT_HZ) < 100
