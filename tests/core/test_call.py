"""The call, told as a caller would tell it (R1, R2, R3, R5)."""

from __future__ import annotations

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.call import advance
from ivr.core.events import Party
from ivr.core.state import CallState, Phase
from tests.core.calls import ARRIVED, PATH, POLICY, REFUSING, Call


def test_listens_and_talks() -> None:
    call = Call().hear(ARRIVED)
    assert call.look() == ["TakeOver", "Answer"]
    call.hear(events.Journalled(0), events.Answered(0, 8000))
    assert call.look() == ["play announcement"]
    call.prompt_ends()
    assert call.look() == ["StartRecording"]
    call.hear(events.RecordingStarted(0))
    assert call.look() == ["bridge user/100"]
    call.hear(events.Bridged(0, "b-leg"))
    assert call.state.phase is Phase.CONNECTED
    call.hear(events.RecordingStopped(0, "success-silence", 5000, PATH)).hang_up()
    assert call.look() == ["Finish"]
    assert call.state.phase is Phase.DONE


def test_the_intent_to_record_is_journalled_at_once_and_synced() -> None:
    call = Call().hear(ARRIVED)
    kinds = [type(command) for command in call.did]
    assert kinds.index(do.SyncJournal) > kinds.index(do.Journal)
    assert "RecordingIntended" in call.journalled()


def test_waits_for_the_disk_before_recording() -> None:
    """R22: the journal entry is on disk before FreeSWITCH is asked to record."""
    call = Call().hear(ARRIVED, events.Answered(0, 8000)).prompt_ends()
    assert "StartRecording" not in call.look()
    assert call.state.phase is Phase.SECURING
    call.hear(events.Journalled(0))
    assert call.look() == ["StartRecording"]


@pytest.mark.parametrize("keys", ["*#*", "**#*", "5*#*"])
def test_opt_out_stops_the_announcement_and_reminds(keys: str) -> None:
    call = Call().arrive()
    call.look()
    call.keys(keys)
    assert call.look() == ["StopPrompts", "play reminder"]


def test_keys_that_are_not_the_sequence_do_not_disturb_the_announcement() -> None:
    call = Call().arrive()
    call.look()
    call.keys("1234567890#**##")
    assert call.look() == []
    assert call.state.phase is Phase.ANNOUNCING


def test_opting_out_and_pressing_nothing_ends_the_call_with_a_goodbye() -> None:
    call = Call().arrive().keys("*#*").prompt_ends()
    assert call.state.phase is Phase.DECIDING
    call.look()
    call.time_out()
    assert call.look() == ["play goodbye"]
    call.prompt_ends()
    assert call.look() == ["hang up NORMAL_CLEARING"]
    call.hang_up(Party.SWITCH)
    assert call.look() == ["Finish"]


def test_who_ended_it_and_why_is_journalled() -> None:
    call = Call().arrive().keys("*#*").prompt_ends().time_out().prompt_ends()
    call.did.clear()
    call.hang_up(Party.SWITCH)
    assert call.did[0] == do.Journal(
        entries.HungUp(by="engine", cause="NORMAL_CLEARING", q850=16, reason="opted-out")
    )


def test_one_returns_and_the_call_proceeds_without_the_announcement_again() -> None:
    call = Call().arrive().keys("*#*")
    first = POLICY.announcement
    call.hear(events.PromptEnded(1000, call.state.play - 1, first, 3000))
    call.look()
    call.keys("1")
    assert call.look() == ["StopPrompts", "StartRecording"]


def test_one_returns_to_the_announcement_when_nothing_of_it_was_heard() -> None:
    call = Call().arrive().keys("*#*")
    call.hear(events.PromptEnded(0, call.state.play - 1, POLICY.announcement, 0))
    call.look()
    call.keys("1")
    assert call.look() == ["StopPrompts", "play announcement"]


def test_wrong_keys_repeat_the_reminder_as_often_as_configured() -> None:
    call = Call().arrive().keys("*#*")
    for _ in range(POLICY.reminders):
        call.look()
        call.keys("7")
        assert call.look() == ["StopPrompts", "play reminder"]
    call.keys("7")
    assert call.look() == ["StopPrompts", "play goodbye"]


def test_a_sequence_that_straddles_the_end_of_the_announcement_counts() -> None:
    """R2: begun while the announcement played, finished just after it."""
    call = Call().arrive()
    call.now = 8_400
    call.keys("*#")
    call.hear(events.PromptEnded(call.now + 10, call.state.play, POLICY.announcement, 9000))
    assert call.state.phase is Phase.LAST_KEYS
    call.look()
    call.keys("*")
    assert call.look() == ["play reminder"]


@pytest.mark.parametrize("end", ["wrong key", "limit"])
def test_a_half_keyed_sequence_holds_the_call_up_no_longer_than_its_limit(end: str) -> None:
    call = Call().arrive()
    call.now = 8_400
    call.keys("*#")
    call.hear(events.PromptEnded(call.now + 10, call.state.play, POLICY.announcement, 9000))
    timer = next(c for c in reversed(call.did) if isinstance(c, do.StartTimer))
    assert timer.ms == POLICY.inter_digit_ms - 10
    call.look()
    if end == "limit":
        call.time_out()
    else:
        call.keys("5")
    assert call.look() == ["StartRecording"]


def test_other_keys_than_the_defaults_work() -> None:
    import dataclasses

    policy = dataclasses.replace(POLICY, opt_out_keys="99", return_key="0")
    call = Call(policy).arrive()
    call.look()
    call.keys("*#*")
    assert call.look() == []
    call.keys("99")
    assert call.look() == ["StopPrompts", "play reminder"]
    call.keys("0")
    assert "play announcement" in call.look()


@pytest.mark.parametrize(
    ("cause", "apology", "reason"),
    [
        ("USER_BUSY", "busy", "busy"),
        ("NO_ANSWER", "no-answer", "no-answer"),
        ("UNALLOCATED_NUMBER", "unavailable", "unavailable"),
    ],
)
def test_not_connected_apologises_and_stops_recording(
    cause: str, apology: str, reason: str
) -> None:
    call = Call().arrive().prompt_ends().hear(events.RecordingStarted(0))
    call.look()
    call.hear(events.BridgeEnded(0, cause))
    assert call.look() == ["StopRecording", f"play {apology}"]
    call.prompt_ends()
    assert call.state.reason == reason
    assert call.look() == ["hang up NORMAL_CLEARING"]


def test_the_end_of_a_bridge_is_not_the_end_of_the_call() -> None:
    """docs/freeswitch.md 23a and 23b."""
    call = Call().connect()
    call.look()
    call.hear(events.BridgeEnded(0, "NORMAL_CLEARING", transferred=True))
    assert (call.look(), call.state.phase) == ([], Phase.CONNECTED)
    call.hear(events.BridgeEnded(0, "NORMAL_CLEARING"))
    assert (call.look(), call.state.phase) == ([], Phase.PARTED)
    call.hear(events.Bridged(0, "c-leg"))
    assert (call.look(), call.state.phase) == (["ListenToAgent"], Phase.CONNECTED)


def test_a_caller_left_alone_is_not_left_for_ever() -> None:
    call = Call().connect().hear(events.BridgeEnded(0, "NORMAL_CLEARING"))
    call.look()
    call.time_out()
    assert call.look() == ["hang up NORMAL_CLEARING"]


@pytest.mark.parametrize("fault", ["missing", "cut", "silent"])
def test_unannounced_is_unrecorded(fault: str) -> None:
    """R1: what the caller was not told of is not done; the team says whether to connect."""
    for policy, then in ((POLICY, "bridge user/100"), (REFUSING, "play unavailable")):
        call = Call(policy).arrive()
        if fault == "missing":
            call.prompt_ends(0, missing=True)
        elif fault == "cut":
            call.prompt_ends(500).prompt_ends(500).prompt_ends(500)
        else:
            call.time_out()
        words = call.look()
        assert words[-1] == then
        assert "StartRecording" not in words


def test_a_prompt_that_something_else_cut_short_is_played_again() -> None:
    call = Call().arrive()
    call.look()
    call.prompt_ends(500)
    assert call.look() == ["play announcement"]
    call.prompt_ends()
    assert call.look() == ["StartRecording"]


def test_a_hangup_that_cuts_a_prompt_short_does_not_play_it_again() -> None:
    call = Call().arrive()
    call.look()
    announcement = POLICY.announcement
    call.hear(events.PromptEnded(0, call.state.play, announcement, 900, hung_up=True))
    assert call.look() == []
    assert call.hang_up().look() == ["Finish"]


@pytest.mark.parametrize("fault", ["refused", "silent", "no disk", "disk silent"])
def test_a_recording_that_cannot_start(fault: str) -> None:
    for policy, then in ((POLICY, "bridge user/100"), (REFUSING, "play unavailable")):
        call = Call(policy)
        if fault in ("refused", "silent"):
            call.arrive().prompt_ends()
        else:
            call.hear(ARRIVED, events.Answered(0, 8000)).prompt_ends()
        call.look()
        match fault:
            case "refused":
                call.failed()
            case "no disk":
                call.hear(events.JournalFailed(0, "No space left on device"))
            case _:
                call.time_out()
        assert call.look()[-1] == then


def test_a_recording_that_starts_after_it_was_given_up_is_stopped() -> None:
    call = Call().arrive().prompt_ends().time_out()
    call.look()
    call.hear(events.RecordingStarted(0))
    assert call.look() == ["StopRecording"]


def test_hangup_while_recording_waits_for_record_stop_and_not_for_ever() -> None:
    call = Call().connect()
    call.look()
    call.hang_up()
    assert (call.look(), call.state.phase) == ([], Phase.CLOSING)
    assert Call().connect().hang_up().time_out().state.phase is Phase.DONE
    call.stopped()
    assert call.look() == ["Finish"]


def test_hanging_up_in_the_reminder_confirms_the_opt_out() -> None:
    call = Call().arrive().keys("*#*")
    call.did.clear()
    call.hang_up()
    assert call.journalled() == ["OptOutConfirmed", "HungUp"]


@pytest.mark.parametrize(("told", "ended_by"), [(Party.CALLER, "caller"), (Party.SWITCH, "agent")])
def test_who_hung_up_a_connected_call(told: Party, ended_by: str) -> None:
    call = Call().connect()
    call.did.clear()
    call.hang_up(told)
    journal = call.did[0]
    assert isinstance(journal, do.Journal)
    assert isinstance(journal.entry, entries.HungUp)
    assert journal.entry.by == ended_by


def test_without_its_socket_a_recorded_call_goes_on() -> None:
    """docs/freeswitch.md 10."""
    call = Call().connect()
    call.look()
    call.hear(events.LinkLost(0))
    assert (call.look(), call.state.phase) == ([], Phase.UNLINKED)
    call.stopped().hang_up()
    assert call.look() == ["Finish"]


def test_without_its_socket_a_call_that_hears_a_prompt_is_waited_for() -> None:
    """FreeSWITCH's dialplan may hand it over once more; should it end instead, that is told."""
    call = Call().arrive().quiet().hear(events.LinkLost(0))
    assert (call.look(), call.state.phase) == ([], Phase.UNLINKED)
    limit = next(c for c in reversed(Call().arrive().hear(events.LinkLost(0)).did))
    assert limit == do.StartTimer(call.state.timer, POLICY.longest_call_ms)
    assert call.hang_up().look() == ["Finish"]


@pytest.mark.parametrize(
    ("lost", "by", "reason"),
    [(True, "switch", "switch-lost"), (False, "unknown", "ended-unseen")],
)
def test_a_call_that_is_no_more_is_ended_and_how_is_said(lost: bool, by: str, reason: str) -> None:
    """R22: nobody saw its end."""
    call = Call().connect().hear(events.LinkLost(0)).quiet().hear(events.Vanished(0, lost))
    assert call.entries() == [entries.HungUp(by=by, cause="", q850=0, reason=reason)]
    assert call.look() == ["Finish"]


def test_a_call_that_has_its_socket_hears_of_its_end_there() -> None:
    for call in (Call().arrive(), Call().connect(), Call().connect().hang_up()):
        before = call.quiet().state
        call.hear(events.Vanished(0, switch_lost=True))
        assert (call.did, call.state) == ([], before)


def test_without_its_socket_who_is_joined_is_heard_of_all_the_same() -> None:
    call = Call().connect().hear(events.LinkLost(0)).quiet()
    call.hear(events.Unbridged(0), events.Unbridged(0))
    assert call.entries() == [entries.Parted()], "once"
    assert call.quiet().bridge("c", "101").entries() == [entries.Connected("c", "101")]
    assert call.state.phase is Phase.UNLINKED


def test_with_its_socket_they_are_parted_without_an_end_of_the_bridge() -> None:
    """As after an opt-out in mid-call: FreeSWITCH tells of no end of what it joined by itself."""
    call = Call().connect().quiet()
    call.hear(events.Unbridged(0), events.Unbridged(0))
    assert call.entries() == [entries.Parted()], "once"
    assert call.state.phase is Phase.CONNECTED


def test_without_its_socket_a_call_that_never_ends_is_hung_up() -> None:
    call = Call().connect().hear(events.LinkLost(0)).quiet().time_out()
    assert call.look() == ["hang up ALLOTTED_TIMEOUT"]
    assert call.state.phase is Phase.ENDING
    call.time_out()
    assert (call.look(), call.state.phase) == (["StopRecording"], Phase.UNLINKED)
    assert call.time_out().look() == ["Finish"], "FreeSWITCH says nothing any more"


def test_the_customers_own_hold_is_written_once_and_its_end() -> None:
    call = Call().connect().quiet()
    call.hear(events.CustomerHeld(0), events.CustomerHeld(0))
    call.hear(events.CustomerBack(0), events.CustomerBack(0))
    assert call.entries() == [entries.CustomerHeld(), entries.CustomerBack()]


def test_an_old_timer_and_an_old_prompt_change_nothing() -> None:
    call = Call().arrive()
    before = call.state
    call.hear(events.TimerFired(0, before.timer - 1))
    assert call.state == before
    call.hear(events.PromptEnded(0, before.play - 1, POLICY.goodbye, 4000))
    assert call.state == before


def test_advance_changes_nothing_of_what_it_was_given() -> None:
    state = CallState()
    first = advance(state, ARRIVED, POLICY)
    assert state == CallState()
    assert advance(state, ARRIVED, POLICY) == first
