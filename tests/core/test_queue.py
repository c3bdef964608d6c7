"""Queues, and going on to another destination (R2, R9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.policy import Destination
from ivr.core.state import Pause, Phase
from tests.core.calls import POLICY, QUEUE, TO_LINE, Call, prompt

WAITING = replace(QUEUE, menu=None, overflow=())


def waiting() -> Call:
    return Call(WAITING).arrive().prompt_ends().hear(events.RecordingStarted(0)).quiet()


def test_the_caller_waits_in_the_queue_as_long_as_it_says() -> None:
    call = Call(WAITING).arrive().prompt_ends().quiet().hear(events.RecordingStarted(0))
    assert do.Enqueue("desk") in call.did
    timer = next(c for c in call.did if isinstance(c, do.StartTimer))
    assert timer.ms > 600_000
    assert call.state.phase is Phase.QUEUEING


def test_an_agent_takes_the_call() -> None:
    call = waiting().bridge("b", "1001")
    assert call.state.phase is Phase.CONNECTED
    assert call.look() == ["ListenToAgent"]


def test_who_opts_out_leaves_the_queue_and_nothing_is_kept() -> None:
    call = waiting().keys("*#*")
    assert call.look() == ["RememberPause", "Mask", "LeaveQueue", "play reminder"]
    assert not any(entry.connected for entry in call.entries() if hasattr(entry, "connected"))


def test_one_brings_the_caller_back_into_the_queue() -> None:
    call = waiting().keys("*#*").hidden().masked().prompt_ends().quiet().keys("1")
    assert call.look() == ["ShowKeys", "Enqueue"]
    assert "Unmask" in call.shown().quiet().bridge("b").look()


def test_an_agent_who_takes_the_call_in_that_moment_is_not_recorded() -> None:
    call = waiting().keys("*#*").bridge("b").quiet()
    assert call.state.phase is Phase.REMINDING
    assert call.hidden().masked().hear(events.StillJoined(0)).look() == []
    assert call.keys("1").look()[-2:] == ["Unmask", "tone stayed"]
    assert call.state.phase is Phase.CONNECTED


def test_opting_out_of_the_queue_ends_the_call() -> None:
    call = waiting().keys("*#*").prompt_ends().quiet().time_out()
    assert entries.OptOutConfirmed(how="timeout", recorded="keep") in call.entries()
    assert call.look() == ["play goodbye"]


def test_one_who_was_not_told_is_not_told_by_coming_back() -> None:
    call = Call(WAITING).arrive().prompt_ends(missing=True).keys("*#*").prompt_ends()
    call.keys("1").bridge("b").quiet()
    assert call.stall(at=99_999).look() == []


def test_too_long_it_goes_on_elsewhere_or_ends() -> None:
    call = waiting().hear(events.BridgeEnded(0, "NO_ANSWER"))
    assert call.look() == ["StopRecording", "play no-answer"]
    assert waiting().time_out().look() == ["hang up RECOVERY_ON_TIMER_EXPIRE"]


# Overflow.

TAX = Destination("tax", "user/200", 20_000, prompt=prompt("overflow"))
QUIET = Destination("last", "user/300", 20_000)
LINE = Destination("line", "user/1500", 20_000, payment_line=True)
OVERFLOWING = replace(POLICY, overflow=(TAX, QUIET))


def busy(call: Call) -> Call:
    return call.quiet().hear(events.BridgeEnded(0, "USER_BUSY"))


def ringing(*overflow: Destination) -> Call:
    policy = replace(POLICY, overflow=overflow or OVERFLOWING.overflow)
    return Call(policy).arrive().prompt_ends().hear(events.RecordingStarted(0))


def test_one_destination_after_the_other_is_tried_and_the_caller_is_told() -> None:
    call = busy(ringing())
    assert call.look() == ["play overflow"]
    assert call.prompt_ends().look() == ["bridge user/200"]
    assert busy(call).look() == ["bridge user/300"]
    assert busy(call).look() == ["StopRecording", "play busy"]


def test_the_record_says_which_was_tried() -> None:
    call = busy(ringing()).prompt_ends()
    assert call.entries()[0] == entries.NotConnected(cause="USER_BUSY")
    assert entries.Dialled(destination="tax") in call.entries()


def test_the_recording_goes_on() -> None:
    call = busy(ringing()).prompt_ends().bridge("b")
    assert "StopRecording" not in call.look()
    assert call.state.records


def test_a_prompt_that_never_ends_is_stopped() -> None:
    assert busy(ringing()).quiet().time_out().look() == ["StopPrompts", "bridge user/200"]


def test_a_telephone_that_takes_the_caller_meanwhile_has_the_call() -> None:
    call = busy(ringing()).quiet().bridge("c")
    assert call.look() == ["StopPrompts", "ListenToAgent"]
    assert call.state.phase is Phase.CONNECTED


def test_a_pause_goes_on_and_the_journal_knows() -> None:
    """An entry that nobody was reached ends a pause, for a next engine and in the record."""
    call = busy(ringing().paused())
    told = [type(entry) for entry in call.entries()]
    assert told.index(entries.NotConnected) < told.index(entries.PauseStarted)
    assert call.state.pause is Pause.ON
    call.prompt_ends().bridge("b")
    assert "Unmask" not in call.look()


def test_over_to_a_payment_line_it_is_paused_before_it_rings() -> None:
    call = busy(ringing(LINE))
    assert call.look() == ["ForgetKeys", "HideKeys but relay", "Mask", "bridge user/1500"]


def test_a_payment_line_that_is_not_reached_is_the_last() -> None:
    call = Call(replace(TO_LINE, overflow=(TAX,))).arrive().prompt_ends()
    assert "play overflow" not in busy(call.hear(events.RecordingStarted(0))).look()


@pytest.mark.parametrize("cause", ["USER_BUSY", "NO_ANSWER", "NO_ROUTE_DESTINATION"])
def test_whatever_the_cause(cause: str) -> None:
    assert ringing().quiet().hear(events.BridgeEnded(0, cause)).look() == ["play overflow"]


def test_not_when_the_caller_has_gone() -> None:
    gone = events.BridgeEnded(0, "ORIGINATOR_CANCEL", hung_up=True)
    assert ringing().quiet().hear(gone).look() == []
