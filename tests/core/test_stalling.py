"""A recording that does not grow goes on elsewhere, or the call does not (R22)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.policy import CallPolicy
from ivr.core.stalling import should_grow
from ivr.core.state import AGAIN_MS, JOURNAL_MS, MOST_AGAIN, SWITCH_MS, TOLD_MS, Phase, Recording
from tests.core.calls import ARRIVED, OUTBOUND, PATH, PAUSING, POLICY, REFUSING, Call

LISTENING = replace(POLICY, pausing=PAUSING)
PART_2 = "/fallback/recording/a.2.wav"
PART_3 = "/fallback/recording/a.3.wav"
SOON = SWITCH_MS + JOURNAL_MS
"""Long enough for FreeSWITCH and the disk, and soon enough to count as again."""


def talking(policy: CallPolicy = LISTENING) -> Call:
    """Connected and recorded; what was done so far is of no interest."""
    return Call(policy).connect().quiet()


def later(call: Call, ms: int = SOON) -> Call:
    call.now += ms
    return call


def written(call: Call) -> Call:
    return call.hear(events.Journalled(call.now))


def renewed(policy: CallPolicy = LISTENING) -> Call:
    """Going on in a second part."""
    call = written(talking(policy).stall())
    return call.hear(events.RecordingStarted(call.now)).quiet()


# Going on elsewhere.


def test_it_goes_on_in_another_file_whose_intent_is_on_disk_first() -> None:
    call = talking().stall()
    assert call.entries() == [
        entries.RecordingStalled(path=PATH, into=PART_2),
        entries.RecordingIntended(path=PART_2),
    ]
    assert do.SyncJournal() in call.did
    assert call.look() == []
    written(call)
    assert call.did == [do.StopRecording(PATH), do.StartRecording(PART_2)]
    call.quiet().hear(events.RecordingStarted(call.now))
    assert call.entries() == [entries.RecordingStarted(path=PART_2)]
    assert (call.state.path, call.state.part) == (PART_2, 2)
    assert call.state.recording is Recording.RUNNING


def test_the_end_of_the_part_before_is_written_and_changes_nothing() -> None:
    call = renewed()
    before = call.state
    call.stopped("uri-failure", PATH)
    assert call.entries() == [
        entries.RecordingStopped(path=PATH, cause="uri-failure", switch_ms=1000)
    ]
    assert call.state == before
    assert call.quiet().stopped(events.NOT_RECORDED, PATH).entries() == [], "nothing is known of it"


def test_in_the_same_folder_if_there_is_no_other() -> None:
    call = talking().stall("/spool/recording")
    assert call.entries()[-1] == entries.RecordingIntended(path="/spool/recording/a.2.wav")


def test_the_third_part_is_a_part_of_the_first() -> None:
    call = later(renewed()).stall("/spool/recording")
    assert call.entries()[-1] == entries.RecordingIntended(path="/spool/recording/a.3.wav")
    assert written(call).did[-2:] == [
        do.StopRecording(PART_2),
        do.StartRecording("/spool/recording/a.3.wav"),
    ]


def test_one_that_had_ended_by_itself_is_begun_anew_and_not_stopped() -> None:
    call = written(talking().stopped("uri-failure").quiet().stall())
    assert call.look() == ["StartRecording"]


def test_one_that_was_refused_is_tried_again() -> None:
    call = Call(LISTENING).arrive().prompt_ends().failed().bridge("b").quiet()
    assert call.state.recording is Recording.REFUSED
    assert written(call.stall()).look() == ["StartRecording"]


def test_in_a_call_of_staff_too() -> None:
    call = written(talking(OUTBOUND).stall())
    assert call.did[-2:] == [do.StopRecording(PATH), do.StartRecording(PART_2)]


def test_one_whose_socket_is_gone_goes_on_too() -> None:
    call = written(talking().hear(events.LinkLost(0)).quiet().stall())
    assert call.look() == ["StopRecording", "StartRecording"]


# When nothing is to grow.


@pytest.mark.parametrize(
    "call",
    [
        Call().arrive(),
        Call().arrive().prompt_ends().hear(events.RecordingStarted(0)),
        talking().hear(events.BridgeEnded(0, "NORMAL_CLEARING")),
        talking().hear(events.BridgeEnded(0, "NORMAL_CLEARING", transferred=True)),
        talking().hear(events.LinkLost(0), events.Unbridged(0)),
        talking().hear(events.CustomerHeld(0)),
        talking().pause(),
        talking().paused().resume(),
        talking().pause().hidden().masked(False).stopped(),
        talking().hang_up(),
    ],
    ids=[
        "announcing",
        "ringing",
        "parted",
        "transferred and not joined yet",
        "joined to nobody",
        "held by the customer",
        "being masked",
        "being unmasked",
        "stopped by its pause",
        "over",
    ],
)
def test_nothing_is_made_of_one_that_need_not_grow(call: Call) -> None:
    before = call.quiet().state
    assert not should_grow(before)
    for folder in ("/fallback/recording", ""):
        call.stall(folder)
    assert (call.did, call.state) == ([], before)


def test_it_grows_again_with_whoever_is_joined_next() -> None:
    call = talking().hear(events.BridgeEnded(0, "NORMAL_CLEARING"))
    assert should_grow(call.bridge("c").state)
    call = talking().hear(events.CustomerHeld(0), events.CustomerBack(0))
    assert should_grow(call.state)


def test_a_caller_who_was_not_told_is_not_recorded_by_this_way_either() -> None:
    """R1."""
    call = Call().arrive().prompt_ends(0, missing=True).bridge("b").quiet()
    assert call.state.phase is Phase.CONNECTED
    assert call.stall().did == []


# Again and again.


def test_the_same_news_changes_nothing_while_the_disk_is_asked() -> None:
    call = talking().stall()
    before = call.quiet().state
    later(call, JOURNAL_MS - 1).stall()
    assert (call.did, call.state) == ([], before)
    assert later(call, 1).stall().entries()[-1] == entries.RecordingIntended(path=PART_3)


def test_an_answer_to_what_was_asked_before_is_none() -> None:
    """R22: the second part's intent is on disk, and the third part's not yet."""
    call = later(talking().stall(), JOURNAL_MS).stall().quiet()
    assert written(call).look() == []
    assert written(call).did == [do.StopRecording(PATH), do.StartRecording(PART_3)]


def test_an_answer_about_the_arrival_is_none_to_a_part() -> None:
    call = Call().hear(ARRIVED, events.Answered(0, 8000)).prompt_ends().time_out().bridge("b")
    call.quiet().stall()
    assert written(call).look() == []
    assert written(call).look() == ["StartRecording"]


def test_freeswitch_is_given_time_to_begin() -> None:
    call = written(talking().stall()).quiet()
    before = call.state
    assert before.recording is Recording.REQUESTED
    later(call, SWITCH_MS - 1).stall()
    assert (call.did, call.state) == ([], before)
    assert later(call, 1).stall().entries()[-1] == entries.RecordingIntended(path=PART_3)
    assert written(call).look() == ["StopRecording", "StartRecording"], "it may begin yet"


def test_what_is_no_want_of_room_is_not_tried_for_ever() -> None:
    call = talking()
    for _ in range(MOST_AGAIN):
        written(later(call.stall()))
        call.hear(events.RecordingStarted(call.now))
    assert later(call.quiet()).stall().did == []
    assert later(call, AGAIN_MS).stall().journalled() == ["RecordingStalled", "RecordingIntended"]


# With a pause.


def test_a_further_part_is_masked_in_the_same_breath() -> None:
    call = written(talking().paused().quiet().stall())
    assert call.look() == ["StopRecording", "StartRecording", "HideKeys", "Mask"]
    call.hear(events.RecordingStarted(call.now)).hidden().masked()
    assert call.look() == ["tone paused"]
    assert do.Unmask(PART_2) in call.resume().did


def test_the_mask_of_the_part_before_is_not_that_of_the_next() -> None:
    call = written(talking().paused().quiet().stall()).quiet()
    call.masked(path=PATH)
    assert call.look() == []
    call.masked(False)
    assert call.look() == ["StopRecording", "tone not done"]


def test_a_pause_while_the_disk_is_asked_is_begun_with_the_part() -> None:
    call = talking().stall().quiet().pause()
    assert call.look() == ["HideKeys", "Mask"]
    assert written(call).look() == ["StopRecording", "StartRecording", "HideKeys", "Mask"]


def test_a_part_that_the_pause_had_stopped_is_begun_by_its_end_and_not_before() -> None:
    call = talking().stall().quiet().pause().hidden().masked(False)
    assert call.state.renewing == ""
    assert written(call.stopped().quiet()).look() == []
    assert call.resume().entries()[-1] == entries.RecordingIntended(path=PATH.replace(".", ".3."))


# Nowhere.


@pytest.mark.parametrize("why", ["no room", "disk refuses"])
def test_a_team_that_goes_on_hears_of_it_once(why: str) -> None:
    call = talking()
    if why == "no room":
        call.stall("")
        reason = "there is no room to record"
    else:
        call.stall().quiet().hear(events.JournalFailed(0, "No space left on device"))
        reason = "No space left on device"
    assert call.entries() == [
        entries.RecordingStalled(path=call.state.path, into=""),
        entries.RecordingFailed(path="", reason=reason),
    ]
    assert call.look() == ["tone not done"]
    assert call.state.phase is Phase.CONNECTED
    assert call.state.recording is Recording.RUNNING, "it may grow again (docs/freeswitch.md 63)"
    assert later(call).stall("").did == []


def test_it_goes_on_by_itself_when_space_comes_back() -> None:
    call = later(talking().stall("")).quiet().stall()
    assert written(call).look() == ["StopRecording", "StartRecording"]
    call.hear(events.RecordingStarted(call.now))
    assert later(call.quiet()).stall("").look() == ["tone not done"], "it is news again"


def test_a_pause_of_one_that_stalled_masks_it_all_the_same() -> None:
    call = talking().stall("").quiet().pause()
    assert call.look() == ["HideKeys", "Mask"]


def test_a_team_that_refuses_ends_the_call_once_the_agent_was_told() -> None:
    call = talking(replace(REFUSING, pausing=PAUSING)).stall("")
    assert call.look() == ["tone not done"]
    assert call.state.phase is Phase.REFUSING
    limits = [c.ms for c in talking(REFUSING).stall("").did if isinstance(c, do.StartTimer)]
    assert limits == [TOLD_MS]
    call.time_out()
    assert call.look() == ["hang up NORMAL_CLEARING"]
    call.quiet().hang_up(events.Party.SWITCH)
    ended = entries.HungUp("engine", "NORMAL_CLEARING", 16, "not-recordable")
    assert call.entries()[-1] == ended


def test_a_team_that_refuses_does_not_end_a_call_that_can_be_recorded_elsewhere() -> None:
    call = written(talking(REFUSING).stall())
    assert call.look() == ["StopRecording", "StartRecording"]
    assert call.state.phase is Phase.CONNECTED


def test_one_that_is_refused_may_be_paused_transferred_and_hung_up_meanwhile() -> None:
    def refusing() -> Call:
        return talking(replace(REFUSING, pausing=PAUSING)).stall("").quiet()

    assert refusing().pause().look() == ["HideKeys", "Mask"]
    assert refusing().bridge("c", "101").state.phase is Phase.REFUSING
    assert refusing().hang_up().stopped().state.phase is Phase.DONE
    lost = refusing().hear(events.LinkLost(0))
    assert (lost.look(), lost.state.phase) == ([], Phase.UNLINKED)
    lost.hear(events.TimerFired(0, lost.state.timer))
    assert (lost.look(), lost.state.phase) == (["hang up NORMAL_CLEARING"], Phase.ENDING)
    assert lost.state.reason == "not-recordable"


# Before anybody is connected.


@pytest.mark.parametrize(
    ("policy", "then"), [(POLICY, "bridge user/100"), (REFUSING, "play unavailable")]
)
def test_without_room_at_its_arrival_the_same_policy_decides(policy: CallPolicy, then: str) -> None:
    call = Call(policy).hear(replace(ARRIVED, room=False), events.Journalled(0))
    call.hear(events.Answered(0, 8000)).quiet().prompt_ends()
    assert call.look() == [then]
    call.hear(events.Journalled(0))
    failed = Call(policy).hear(replace(ARRIVED, room=False), events.Answered(0, 8000)).prompt_ends()
    assert (
        entries.RecordingFailed(path=PATH, reason="there is no room to record") in failed.entries()
    )


def test_a_call_of_staff_without_room_is_not_made_where_the_team_refuses() -> None:
    call = Call(replace(OUTBOUND, without_recording="refuse"))
    call.hear(replace(ARRIVED, room=False), events.Journalled(0))
    assert "bridge user/100" not in call.look()


# Refused at once: there is another folder, and it is tried before anybody is connected.

ELSEWHERE = replace(ARRIVED, elsewhere="/fallback/recording")


def refused(policy: CallPolicy = POLICY) -> Call:
    """The caller was told, and FreeSWITCH refused to record."""
    call = Call(policy).hear(ELSEWHERE, events.Journalled(0), events.Answered(0, 8000))
    return call.prompt_ends().quiet().failed()


def test_what_freeswitch_refuses_to_begin_is_begun_in_the_other_folder() -> None:
    call = refused()
    assert call.entries()[-2:] == [
        entries.RecordingStalled(path=PATH, into=PART_2),
        entries.RecordingIntended(path=PART_2),
    ]
    assert call.state.phase is Phase.SECURING
    assert written(call.quiet()).did[1] == do.StartRecording(PART_2)
    call.quiet().hear(events.RecordingStarted(0))
    assert call.look() == ["bridge user/100"]


@pytest.mark.parametrize(
    ("policy", "then"), [(POLICY, "bridge user/100"), (REFUSING, "play unavailable")]
)
def test_where_that_is_refused_too_the_policy_decides(policy: CallPolicy, then: str) -> None:
    call = written(refused(policy)).quiet().failed()
    assert call.look() == [then]
    slow = refused(policy).quiet().time_out()
    assert slow.look() == [then], "the disk does not answer"


def test_in_a_call_of_staff_the_other_folder_is_tried_while_they_talk() -> None:
    call = Call(OUTBOUND).hear(ELSEWHERE, events.Journalled(0)).bridge("b", "07700900999")
    call.quiet().failed()
    assert call.entries()[-1] == entries.RecordingIntended(path=PART_2)
    assert written(call.quiet()).look() == ["StartRecording"]
    call.quiet().hear(events.RecordingStarted(0))
    assert call.state.recording is Recording.RUNNING
    refusing = replace(OUTBOUND, without_recording="refuse")
    again = Call(refusing).hear(ELSEWHERE, events.Journalled(0)).bridge("b", "07700900999")
    assert written(again.failed().quiet()).failed().look() == [
        "StartRecording",
        "tone not done",
    ]
