"""Pausing for payment and marking, told as they happen (R6, R7, R11)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.policy import CallPolicy
from ivr.core.state import SWITCH_MS, Pause, Phase, Recording
from tests.core.calls import ARRIVED, OUTBOUND, PATH, PAUSING, POLICY, TO_LINE, Call

LISTENING = replace(POLICY, pausing=PAUSING)
"""Eight digits pause, and 1500 is a payment line."""
PART_2 = PATH.replace(".wav", ".2.wav")
PART_3 = PATH.replace(".wav", ".3.wav")


def talking(policy: CallPolicy = LISTENING) -> Call:
    """Connected and recorded; what was done so far is of no interest."""
    return Call(policy).connect().quiet()


def refused(policy: CallPolicy = LISTENING) -> Call:
    """Paused, and the recording stopped because FreeSWITCH refused to mask it."""
    return talking(policy).pause().hidden().masked(False).stopped().quiet()


# An ordinary pause.


def test_a_pause_hides_keys_first_and_then_masks() -> None:
    call = talking().pause()
    assert call.entries() == [entries.PauseStarted(by="agent", guard_ms=250)]
    assert call.look() == ["HideKeys", "Mask"]
    call.hidden()
    assert call.look() == [], "not before the mask is confirmed"
    call.masked()
    assert call.entries() == [entries.PauseHeld(how="masked", keys_hidden=True)]
    assert call.look() == ["tone paused"]
    assert call.state.pause is Pause.ON


def test_keys_are_shown_only_when_the_end_of_the_mask_is_confirmed() -> None:
    call = talking().paused().quiet().resume()
    assert call.entries() == [entries.PauseEnding(by="agent")]
    assert call.look() == ["Unmask"]
    call.unmasked()
    assert call.look() == ["ShowKeys"]
    call.shown()
    assert call.entries() == [entries.PauseEnded()]
    assert call.look() == ["tone resumed"]
    assert call.state.pause is Pause.OFF


def test_the_journal_is_hastened_and_nobody_waits_for_it() -> None:
    kinds = [type(command) for command in talking().pause().did]
    assert kinds.index(do.Journal) < kinds.index(do.HastenJournal)
    assert do.SyncJournal not in kinds


def test_a_leg_whose_keys_are_not_hidden_is_not_made_up_for_by_the_other() -> None:
    call = talking().pause().hidden(False).hidden(True).quiet().masked()
    assert call.entries() == [entries.PauseHeld(how="masked", keys_hidden=False)]
    assert call.pause().state.keys_hidden is False


def test_a_new_leg_whose_keys_are_not_hidden_is_told_of() -> None:
    call = talking().paused().bridge("c").quiet().hidden(False)
    assert call.entries() == [entries.PauseHeld(how="masked", keys_hidden=False)]
    assert call.look() == ["tone not done"]


def test_at_a_payment_line_nobody_ends_the_pause() -> None:
    call = talking().bridge("p", "1500").hidden().masked().quiet().resume()
    assert call.look() == []
    assert call.state.pause is Pause.ON
    assert call.bridge("c").look() == ["HideKeys", "HearKeys", "Unmask", "ListenToAgent"]


def test_an_end_that_was_lost_with_the_link_takes_a_person_to_ask_again() -> None:
    call = talking().paused().resume()
    assert call.state.pause is Pause.UNMASKING
    call.hear(events.LinkLost(call.now)).hidden().masked().quiet()
    assert (call.state.pause, call.look()) == (Pause.ON, [])
    assert call.resume().look() == ["Unmask"]


def test_a_resume_makes_sure_where_an_earlier_engine_may_not_have_written_all() -> None:
    call = talking().hear(events.LinkLost(0)).quiet().resume()
    assert call.look() == ["Unmask", "ShowKeys", "tone resumed"]
    assert call.state.pause is Pause.OFF


def test_keys_that_could_not_be_hidden_are_told_of_and_the_mask_holds() -> None:
    call = talking().pause().hidden(False).quiet().masked()
    assert call.entries() == [entries.PauseHeld(how="masked", keys_hidden=False)]
    assert call.look() == ["tone not done"]
    assert call.state.pause is Pause.ON


def test_a_second_pause_hides_keys_that_the_first_one_could_not_hide() -> None:
    call = talking().pause().hidden(False).masked().quiet().pause()
    assert call.look() == ["HideKeys", "tone paused"]
    assert call.hidden().state.keys_hidden
    assert call.look() == []


def test_a_second_pause_changes_nothing_and_is_confirmed() -> None:
    call = talking().paused()
    before = call.quiet().state
    call.pause("page")
    assert (call.look(), call.state) == (["tone paused"], before)
    assert talking().pause().quiet().pause().look() == [], "the first is not confirmed yet"


def test_resuming_what_is_not_paused_says_so() -> None:
    assert talking().resume().look() == ["tone resumed"]
    assert talking().stopped().resume().look() == ["tone not done"]
    assert talking().pause().quiet().resume().look() == ["tone not done"], "not before it is on"


def test_a_pause_on_the_way_out_of_one_masks_again() -> None:
    call = talking().paused().resume().quiet().pause()
    assert call.look() == ["HideKeys", "Mask"]
    assert call.unmasked().look() == [], "that was the pause before"
    call.hidden().masked()
    assert (call.look(), call.state.pause) == (["tone paused"], Pause.ON)
    call = talking().paused().resume().unmasked().quiet().pause()
    assert call.look() == ["HideKeys", "Mask"]


def test_nothing_is_paused_before_anybody_talks() -> None:
    call = Call().arrive().quiet().pause()
    assert (call.look(), call.state.pause) == ([], Pause.OFF)


def test_the_customers_keys_end_no_pause() -> None:
    call = talking().paused().quiet().keys("*8*7#1234567890")
    assert (call.look(), call.state.pause) == ([], Pause.ON)


# Better a gap than a card number.


def test_a_refused_mask_stops_the_recording_at_once() -> None:
    call = talking().pause().hidden().quiet().masked(False)
    assert call.look() == ["StopRecording", "tone not done"]
    call.stopped()
    assert call.entries()[-1] == entries.PauseHeld(how="stopped", keys_hidden=True)
    assert call.state.pause is Pause.ON


def test_after_it_the_recording_goes_on_as_a_further_part() -> None:
    call = refused().resume()
    intended = entries.RecordingIntended(path=PART_2)
    assert call.entries() == [entries.PauseEnding(by="agent"), intended]
    assert do.SyncJournal() in call.did
    assert call.look() == []
    call.hear(events.Journalled(0))
    assert (call.look(), call.state.path) == (["StartRecording"], PART_2)
    call.hear(events.RecordingStarted(0))
    assert call.entries() == [entries.RecordingStarted(path=PART_2)]
    assert call.look() == ["ShowKeys"], "no key is shown before what follows is recorded"
    call.shown()
    assert (call.look(), call.state.pause) == (["tone resumed"], Pause.OFF)


def test_a_further_part_is_masked_like_the_first() -> None:
    call = refused().resume().hear(events.Journalled(0), events.RecordingStarted(0)).shown()
    call.quiet().pause()
    assert call.look() == ["HideKeys", "Mask"]
    call.hidden().masked(False).stopped().resume()
    assert call.state.path == PART_3


def test_a_pause_while_the_further_part_begins_masks_it() -> None:
    call = refused().resume().hear(events.Journalled(0)).quiet().pause()
    assert call.look() == ["HideKeys", "Mask"]
    securing = refused().resume().quiet().pause()
    assert securing.look() == ["HideKeys"], "nothing is recorded yet"
    assert securing.hidden().hear(events.Journalled(0)).look()[-1] != "StartRecording"
    assert securing.state.pause is Pause.ON


@pytest.mark.parametrize("fault", ["disk refuses", "disk silent"])
def test_without_a_journal_there_is_no_further_part(fault: str) -> None:
    call = refused().resume().quiet()
    if fault == "disk refuses":
        call.hear(events.JournalFailed(0, "No space left on device"))
    else:
        call.pause_late()
    assert call.journalled() == ["RecordingFailed"]
    assert call.look() == ["ShowKeys"]
    assert call.shown().look() == ["tone not done"], "the agent hears that nothing is recorded"
    assert call.hear(events.Journalled(0)).look() == []


@pytest.mark.parametrize("fault", ["refused", "silent"])
def test_a_further_part_that_does_not_begin_ends_the_pause_all_the_same(fault: str) -> None:
    call = refused().resume().hear(events.Journalled(0)).quiet()
    if fault == "refused":
        call.failed()
        assert call.look() == ["ShowKeys"]
    else:
        call.pause_late()
        assert call.look() == ["StopRecording", "ShowKeys"]
        call.hear(events.RecordingStarted(0))
        assert call.look() == ["StopRecording"], "too late is not wanted"
    assert call.shown().look() == ["tone not done"]


def test_what_ended_by_itself_does_not_begin_again() -> None:
    """The disk is full, say: a further part is only for what the pause had stopped."""
    call = talking().paused().stopped("uri-failure").quiet().resume()
    assert call.look() == ["ShowKeys"]


# FreeSWITCH says nothing.


def test_a_mask_that_is_not_confirmed_in_time_stops_the_recording() -> None:
    call = talking().pause()
    limit = next(c for c in reversed(call.did) if isinstance(c, do.StartPauseTimer))
    assert limit.ms == SWITCH_MS
    assert call.quiet().pause_late().look() == ["StopRecording", "tone not done"]
    call.pause_late()
    assert call.look() == ["StopRecording"], "asked again and again, until it is certain"
    assert call.stopped().entries()[-1] == entries.PauseHeld(how="stopped", keys_hidden=False)


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_an_end_that_is_not_confirmed_is_none(how: str) -> None:
    call = talking().paused().resume().quiet()
    call.unmasked(False) if how == "refused" else call.pause_late()
    assert call.look() == ["HideKeys", "Mask", "tone not done"]
    call.hidden().masked()
    assert (call.look(), call.state.pause) == (["tone paused"], Pause.ON)


def test_keys_not_shown_in_time_hold_up_nobody() -> None:
    call = talking().paused().resume().unmasked().quiet().pause_late()
    assert (call.journalled(), call.state.pause) == (["PauseEnded"], Pause.OFF)


def test_a_pause_that_lasts_is_overdue_again_and_again() -> None:
    call = talking().paused()
    limit = next(c for c in reversed(call.did) if isinstance(c, do.StartPauseTimer))
    assert limit.ms == PAUSING.overdue_ms
    for _ in range(2):
        call.quiet().pause_late()
        assert call.journalled() == ["PauseOverdue"]
        assert (call.look(), call.state.pause) == (["tone still paused"], Pause.ON)


def test_an_old_timer_of_a_pause_changes_nothing() -> None:
    call = talking().pause()
    before = call.quiet().state
    call.hear(events.PauseTimerFired(0, before.pause_timer - 1))
    assert (call.look(), call.state) == ([], before)


# Payment lines.


def test_a_route_to_a_payment_line_is_paused_before_it_rings() -> None:
    call = Call(TO_LINE).arrive().prompt_ends().quiet()
    call.hear(events.RecordingStarted(0))
    words = call.look()
    assert words == ["ForgetKeys", "HideKeys but relay", "Mask", "bridge user/100"]
    call.hidden().masked().bridge("b", "anything")
    assert call.state.pause is Pause.ON
    assert [word for word in call.look() if word.startswith("tone")] == [], "it is no agent"


def test_a_transfer_to_a_payment_line_pauses_and_back_resumes() -> None:
    call = talking().bridge("line", "1500")
    assert call.entries()[1] == entries.PauseStarted(by="payment-line", guard_ms=250)
    assert call.look() == ["ForgetKeys", "HideKeys but relay", "Mask"]
    call.hidden().masked()
    assert call.look() == []
    call.bridge("c", "101")
    assert entries.PauseEnding(by="payment-line") in call.entries()
    words = call.look()
    assert words.index("HideKeys") < words.index("Unmask"), "of the new leg, until it is over"
    assert {"HearKeys", "ListenToAgent"} <= {*words}
    call.unmasked().shown()
    assert call.look() == ["ShowKeys", "tone resumed"]


def test_leaving_the_line_before_its_mask_is_confirmed_ends_the_pause_then() -> None:
    call = talking().bridge("line", "1500").bridge("c", "101").quiet()
    assert call.state.pause is Pause.MASKING
    assert "Unmask" not in call.look()
    call.hidden().masked()
    assert call.look()[-1] == "Unmask"


def test_the_agents_pause_survives_the_payment_line() -> None:
    call = talking().paused().bridge("line", "1500").bridge("c", "101")
    assert "Unmask" not in call.look()
    assert call.state.pause is Pause.ON
    assert call.quiet().resume().look() == ["Unmask"]


def test_who_asks_at_the_line_decides_when_it_is_over() -> None:
    call = talking().bridge("line", "1500").hidden().masked().pause("page").bridge("c", "101")
    assert call.state.pause is Pause.ON
    assert "Unmask" not in call.look()


def test_from_line_to_line_is_one_pause() -> None:
    policy = replace(POLICY, pausing=replace(PAUSING, lines=frozenset({"1500", "1501"})))
    call = talking(policy).bridge("line", "1500").hidden().masked().quiet().bridge("l", "1501")
    assert call.look() == ["ForgetKeys", "HideKeys but relay"]
    assert call.state.pause is Pause.ON


def test_a_hold_or_a_transfer_ends_no_pause() -> None:
    call = talking().paused().quiet()
    call.hear(events.BridgeEnded(0, "NORMAL_CLEARING")).bridge("c", "101")
    assert call.look() == ["HideKeys", "ListenToAgent"], "the new agent's keys, too"
    assert call.state.pause is Pause.ON


# Digits that nobody paused for.


def test_eight_digits_in_a_row_pause_by_themselves() -> None:
    call = talking().keys("4000123", gap_ms=400)
    assert call.look() == []
    call.keys("4", gap_ms=400)
    assert call.entries() == [
        entries.Marked(mark="card-digits", by="digits"),
        entries.PauseStarted(by="digits", guard_ms=250, back_ms=2800),
    ]
    assert call.look() == ["HideKeys", "Mask"]
    assert call.hidden().masked().resume("page").look() == ["tone paused", "Unmask"]


def test_what_is_no_digit_neither_counts_nor_breaks_the_row() -> None:
    assert talking().keys("4000*123#").look() == []
    assert talking().keys("4000*123#4").look() == ["HideKeys", "Mask"]


def test_too_long_a_gap_begins_a_new_row() -> None:
    call = talking().keys("4000123").keys("4", gap_ms=10_001)
    assert call.look() == []
    assert call.keys("000123").look() == []
    assert call.keys("4").look() == ["HideKeys", "Mask"]


def test_digits_count_from_nothing_after_a_pause_and_with_another_agent() -> None:
    call = talking().keys("4000123").paused().resume().unmasked().shown().quiet()
    assert call.keys("4").look() == []
    call = talking().keys("4000123").bridge("c", "101").quiet().keys("4")
    assert call.look() == []


def test_a_team_that_does_not_ask_for_it_is_not_paused_by_digits() -> None:
    assert talking(POLICY).keys("4000123412341234").look() == []


# Marks.


def test_an_abusive_call_is_marked_paused_or_not() -> None:
    for call in (talking(), talking().paused()):
        before = call.quiet().state
        call.hear(events.AbuseMarked(0, "agent"))
        assert call.entries() == [entries.Marked(mark="abuse", by="agent")]
        assert (call.look(), call.state) == (["tone marked"], before)


# The call's socket is lost.


def lost(call: Call) -> Call:
    return call.quiet().hear(events.LinkLost(0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (talking(), []),
        (talking().pause(), ["HideKeys", "Mask"]),
        (talking().pause().masked(False), ["HideKeys", "StopRecording"]),
        (talking().paused(), []),
        (talking().paused().resume(), ["HideKeys", "Mask"]),
        (refused().resume(), []),
        (refused().resume().hear(events.Journalled(0)), ["HideKeys", "Mask"]),
        (talking().paused().resume().unmasked(), ["HideKeys", "Mask"]),
    ],
    ids=[pause.value for pause in Pause],
)
def test_a_lost_link_loses_no_pause(call: Call, words: list[str]) -> None:
    stage = call.state.pause
    lost(call)
    assert (call.look(), call.state.phase) == (words, Phase.UNLINKED)
    assert (call.state.pause is Pause.OFF) == (stage is Pause.OFF)


def test_without_its_socket_a_call_is_paused_and_resumed_as_ever() -> None:
    call = lost(talking()).pause()
    assert call.look() == ["HideKeys", "Mask"]
    assert call.hidden().masked().look() == ["tone paused"]
    assert call.resume().unmasked().shown().look() == ["Unmask", "ShowKeys", "tone resumed"]


# Hanging up.


@pytest.mark.parametrize(
    "call",
    [
        talking().pause(),
        talking().pause().masked(False),
        talking().paused(),
        talking().paused().resume(),
        refused().resume(),
        refused().resume().hear(events.Journalled(0)),
        talking().paused().resume().unmasked(),
    ],
    ids=[pause.value for pause in Pause if pause is not Pause.OFF],
)
def test_a_hangup_ends_no_pause_and_nothing_is_done_about_it_any_more(call: Call) -> None:
    call.quiet().hang_up()
    assert "PauseEnded" not in call.journalled()
    assert {*call.look()} <= {"Finish"}
    if call.state.phase is not Phase.DONE:
        call.hidden().masked().unmasked().shown().pause_late().stopped()
        assert call.look() == ["Finish"]


def test_an_agent_nobody_reached_leaves_no_pause() -> None:
    call = Call().arrive().prompt_ends().hear(events.RecordingStarted(0)).pause().quiet()
    call.hear(events.BridgeEnded(0, "USER_BUSY"))
    assert call.look() == ["StopRecording", "play busy"]
    assert call.state.pause is Pause.OFF


# Calls that staff make.


def test_the_customers_leg_is_recorded_from_when_it_is_there() -> None:
    call = Call(OUTBOUND).hear(ARRIVED).quiet()
    assert call.hear(events.Journalled(0)).look() == ["ListenToAgent", "bridge user/100"]
    assert call.bridge("b", "07700900999").look() == ["StartRecording"]
    call.hear(events.RecordingStarted(0))
    assert call.state.recording is Recording.RUNNING
    assert call.paused().look() == ["HideKeys", "Mask", "tone paused"]


def test_one_that_is_paused_while_it_rings_is_masked_as_it_begins() -> None:
    call = Call(OUTBOUND).hear(ARRIVED, events.Journalled(0)).quiet().pause()
    assert call.look() == ["HideKeys"], "there is nothing to mask yet"
    call.hidden()
    assert call.entries()[-1] == entries.PauseHeld(how="unrecorded", keys_hidden=True)
    call.quiet().bridge("b", "07700900999")
    words = call.look()
    assert words[:3] == ["StartRecording", "HideKeys", "Mask"]
    call.hear(events.RecordingStarted(0)).hidden().masked()
    assert (call.look(), call.state.pause) == (["tone paused"], Pause.ON)


def test_the_first_digit_counts_from_when_it_was_pressed() -> None:
    call = talking()
    for at in range(1000, 9000, 1000):
        call.hear(events.KeyPressed(at, "4", held_ms=400))
    started = [entry for entry in call.entries() if isinstance(entry, entries.PauseStarted)]
    assert [entry.back_ms for entry in started] == [7400]
