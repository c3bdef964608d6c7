"""What a caller says while the agent has the call on hold is masked, or recorded (R5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.policy import CallPolicy
from ivr.core.state import Pause, Phase
from tests.core.calls import OUTBOUND, PATH, PAUSING, POLICY, Call

MASKING = replace(POLICY, pausing=PAUSING)
RECORDING = replace(POLICY, pausing=replace(PAUSING, on_hold="record"))


def talking(policy: CallPolicy = MASKING) -> Call:
    return Call(policy).connect().quiet()


def held(policy: CallPolicy = MASKING) -> Call:
    """On hold, and FreeSWITCH has confirmed the mask."""
    return talking(policy).hold().hidden().masked().quiet()


# By itself.


@pytest.mark.parametrize("policy", [MASKING, OUTBOUND])
def test_on_hold_the_recording_is_masked_and_nobody_is_told(policy: CallPolicy) -> None:
    call = talking(policy).hold()
    assert call.entries() == [entries.PauseStarted(by="hold", guard_ms=250)]
    assert call.did[:2] == [do.HideKeys("hold", call.now), do.Mask(PATH)]
    assert call.look() == ["HideKeys", "Mask"]
    call.hidden().masked()
    assert call.entries() == [entries.PauseHeld(how="masked", keys_hidden=True)]
    assert call.look() == [], "who holds does not listen"
    assert call.state.pause is Pause.ON


def test_back_from_hold_it_is_heard_again() -> None:
    call = held().unhold()
    assert call.entries() == [entries.PauseEnding(by="hold")]
    assert call.look() == ["Unmask"]
    assert call.unmasked().look() == ["ShowKeys"]
    call.shown()
    assert (call.look(), call.state.pause) == (["tone resumed"], Pause.OFF)


def test_a_team_that_records_on_hold_does() -> None:
    call = talking(RECORDING)
    before = call.state
    call.hold().unhold()
    assert (call.did, call.state) == ([], before)


def test_twice_on_hold_is_once() -> None:
    call = held()
    before = call.state
    assert (call.hold().did, call.state) == ([], before)
    call.unhold().unmasked().shown().quiet()
    assert call.unhold().did == []


def test_back_before_the_mask_was_confirmed_it_ends_when_it_is() -> None:
    call = talking().hold().unhold().quiet().hidden().masked()
    assert call.look()[-1] == "Unmask"


def test_on_hold_again_while_the_pause_ends_masks_again() -> None:
    call = held().unhold().quiet().hold()
    assert call.look() == ["HideKeys", "Mask"]
    assert call.unmasked().look() == [], "that was of before"
    call.hidden().masked()
    assert call.state.pause is Pause.ON
    assert call.unhold().look() == ["Unmask"]


def test_a_mask_that_is_refused_stops_the_recording_on_hold_too() -> None:
    call = talking().hold().hidden().quiet().masked(False)
    assert call.look() == ["StopRecording"]
    call.stopped().unhold()
    assert call.entries()[-1] == entries.RecordingIntended(path=PATH.replace(".wav", ".2.wav"))


def test_a_long_hold_is_no_overdue_pause() -> None:
    call = held().pause_late()
    assert call.look() == []
    assert call.entries() == []
    asked = talking().paused().hold().quiet().pause_late()
    assert asked.journalled() == ["PauseOverdue"], "somebody asked for this one"


# With a pause that somebody asked for.


def test_a_hold_in_a_pause_ends_nothing() -> None:
    call = talking().paused().quiet().hold()
    assert call.look() == []
    assert call.unhold().look() == []
    assert call.state.pause is Pause.ON
    assert call.resume().look() == ["Unmask"]


def test_who_asks_while_on_hold_decides_when_it_is_over() -> None:
    call = held().pause("page")
    assert call.entries() == [entries.PauseStarted(by="page", guard_ms=250)]
    assert do.HastenJournal() in call.did, "the next engine must know that it is not the hold's"
    assert call.look() == []
    assert call.unhold().look() == []
    assert call.state.pause is Pause.ON
    assert call.resume("page").look() == ["Unmask"]


def test_who_resumes_while_on_hold_leaves_the_pause_to_the_hold() -> None:
    call = talking().paused().hold().quiet().resume("page")
    assert call.entries() == [entries.PauseStarted(by="hold", guard_ms=250)]
    assert call.look() == []
    assert call.state.pause is Pause.ON
    assert call.unhold().look() == ["Unmask"]


def test_nobody_ends_the_mask_of_a_hold() -> None:
    call = held().resume("page")
    assert call.look() == []
    assert call.state.pause is Pause.ON


# With transfers, payment lines and ends.


def test_a_transfer_while_on_hold_ends_it_with_the_new_agent() -> None:
    call = held().bridge("c", "101")
    words = call.look()
    assert words.index("HideKeys") < words.index("Unmask")
    assert "ListenToAgent" in words
    assert not call.state.held


def test_a_transfer_while_on_hold_and_paused_stays_paused() -> None:
    call = talking().paused().hold().quiet().bridge("c", "101")
    assert call.look() == ["HideKeys", "ListenToAgent"]
    assert call.state.pause is Pause.ON


def test_the_same_leg_joined_again_is_still_on_hold() -> None:
    call = held().bridge("b")
    assert "Unmask" not in call.look()
    assert call.state.held


def test_from_hold_to_a_payment_line_is_one_pause() -> None:
    call = held().bridge("line", "1500")
    assert call.look() == ["ForgetKeys", "HideKeys but relay"]
    assert call.state.pause is Pause.ON
    assert call.bridge("c", "101").look()[-2:] == ["Unmask", "ListenToAgent"]


def test_on_hold_at_a_payment_line_both_must_be_over() -> None:
    call = talking().bridge("line", "1500").hidden().masked().hold().quiet()
    assert call.unhold().look() == []
    assert call.state.pause is Pause.ON


def test_a_hangup_on_hold_is_one() -> None:
    call = held().hang_up()
    assert call.look() == []
    assert call.stopped().look() == ["Finish"]


def test_one_on_hold_is_ended_by_its_limit_as_any() -> None:
    call = held().time_out()
    assert call.look() == ["hang up ALLOTTED_TIMEOUT"]
    assert call.unhold().look() == ["Unmask"], "whatever is recorded yet is recorded truly"
    assert call.state.phase is Phase.ENDING


def test_nothing_is_held_before_anybody_talks() -> None:
    call = Call().arrive().quiet().hold()
    assert (call.did, call.state.held) == ([], False)


def test_with_its_socket_gone_a_hold_masks_too() -> None:
    call = talking().hear(events.LinkLost(0)).quiet().hold()
    assert call.look() == ["HideKeys", "Mask"]
    assert call.hidden().masked().unhold().look() == ["Unmask"]


# What FreeSWITCH remembers (R22).


def test_a_pause_that_the_journal_does_not_know_is_begun_when_it_was() -> None:
    call = talking().hear(events.LinkLost(0)).quiet()
    call.hear(events.WasPaused(10_000, "agent", 7_500))
    assert call.entries() == [entries.PauseStarted(by="agent", guard_ms=250, back_ms=2_500)]
    assert call.did[:2] == [do.HideKeys("agent", 7_500), do.Mask(PATH)]
    call.hidden().masked()
    assert call.state.pause is Pause.ON
    assert "Unmask" not in call.quiet().unhold().look()
    assert call.resume().look() == ["Unmask"]


def test_since_when_need_not_be_known() -> None:
    call = talking().hear(events.LinkLost(0)).quiet()
    call.hear(events.WasPaused(10_000, "engineer", 0))
    assert call.entries() == [entries.PauseStarted("engineer", guard_ms=250, back_ms=10_000)]


def test_a_clock_that_is_behind_makes_it_no_later_than_now() -> None:
    call = talking().hear(events.WasPaused(10, "agent", 99_999))
    assert call.entries() == [entries.PauseStarted("agent", guard_ms=250, back_ms=0)]


def test_one_that_nobody_asked_for_ends_by_itself() -> None:
    call = talking().hear(events.LinkLost(0), events.WasPaused(0, "hold", 0)).hidden().masked()
    assert call.state.held
    assert call.quiet().unhold().look() == ["Unmask"]
    call = talking().hear(events.LinkLost(0), events.WasPaused(0, "payment-line", 0)).hidden()
    assert call.quiet().masked().look() == ["tone paused", "Unmask"], "it is at no line any more"


def test_what_is_paused_already_is_not_begun_anew() -> None:
    call = talking().paused().quiet()
    before = call.state
    call.hear(events.WasPaused(10_000, "page", 7_500))
    assert (call.did, call.state) == ([], before)


def test_nothing_is_paused_before_anybody_talks() -> None:
    call = Call().arrive().quiet().hear(events.WasPaused(0, "agent", 0))
    assert call.did == []
