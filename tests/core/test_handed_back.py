"""A call that FreeSWITCH hands over once more, since its engine is gone: it is driven on from
where its journal says that it was (R22)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.events import Party
from ivr.core.policy import CallPolicy
from ivr.core.state import Phase
from ivr.core.taking_up import Return, handed_back, in_language
from tests.core.calls import (
    ANNOUNCED,
    ARRIVED,
    OPTING,
    OUTBOUND,
    PATH,
    POLICY,
    QUEUE,
    REFUSING,
    Call,
)

PART_2 = PATH.replace(".wav", ".2.wav")
ROOM = "/fallback/recording/a.wav"
"""Where a call would be recorded that comes now."""


def again(call: Call, *, path: str = PATH, room: bool = True, answer: bool = True) -> Call:
    """The call as the next engine drives it, from the journal alone."""
    journal = [entries.Stamped(entries.Stamp(0, 0), entry) for entry in call.entries()]
    after = Call(call.policy)
    after.state, commands = handed_back(journal, Return(path, room, "engine-2"), call.policy)
    after.did += commands
    if answer and after.state.phase is Phase.ANSWERING:
        after.hear(events.Journalled(0)).quiet().hear(events.Answered(0, 16000))
    return after


def test_it_is_taken_over_and_nothing_of_before_goes_on_being_recorded() -> None:
    call = again(Call().arrive(), answer=False)
    assert call.did[:3] == [
        do.TakeOver("main", "engine-2"),
        do.StopRecording("all"),
        do.Journal(entries.TakenUp(how="handed-back")),
    ]
    assert do.Answer() in call.did
    assert do.SyncJournal() in call.did
    assert any(isinstance(command, do.StartTimer) for command in call.did)


def test_its_recording_is_a_further_part() -> None:
    """FreeSWITCH may be writing to the first one's file yet."""
    call = again(Call().arrive(), answer=False)
    assert entries.RecordingIntended(path=PART_2) in call.entries()
    assert call.hear(events.Journalled(0), events.Answered(0, 8000)).prompt_ends().did[-2] == (
        do.StartRecording(PART_2)
    )


def test_it_lies_where_there_is_room_now() -> None:
    call = again(Call().arrive(), path=ROOM)
    assert call.state.path == ROOM.replace(".wav", ".2.wav")


@pytest.mark.parametrize(
    ("policy", "then"), [(POLICY, "bridge user/100"), (REFUSING, "play unavailable")]
)
def test_without_room_the_policy_decides_before_it_is_connected(
    policy: CallPolicy, then: str
) -> None:
    call = again(Call(policy).arrive(), room=False).quiet().prompt_ends()
    assert call.look() == [then]


def test_one_of_which_nothing_is_known_begins_as_new() -> None:
    journal: list[entries.Stamped] = []
    step = handed_back(journal, Return(PATH, True, "engine-2"), POLICY)
    assert step.state.path == PATH
    assert step.state.phase is Phase.ANSWERING


def reminded(call: Call) -> Call:
    return call.keys("*#*")


HEARD = [
    ("nothing was heard", lambda: Call().hear(ARRIVED), "play announcement"),
    ("it was being announced", lambda: Call().arrive(), "play announcement"),
    ("cut short", lambda: Call().arrive().prompt_ends(8000), "play announcement"),
    ("heard to the end", lambda: Call().arrive().prompt_ends(), "StartRecording"),
    ("reminding", lambda: reminded(Call().arrive()), "play reminder"),
    ("deciding", lambda: reminded(Call().arrive()).prompt_ends(), "play reminder"),
    ("came back", lambda: came_back(4000), "StartRecording"),
    ("came back, having heard nothing", lambda: came_back(0), "play announcement"),
    (
        "to be recorded",
        lambda: Call().arrive().prompt_ends().hear(events.RecordingStarted(0)),
        "play unavailable",
    ),
]


def came_back(heard_ms: int) -> Call:
    call = reminded(Call().arrive())
    call.hear(events.PromptEnded(0, call.state.play - 1, POLICY.announcement, heard_ms))
    return call.keys("1")


@pytest.mark.parametrize(
    ("before", "then"), [each[1:] for each in HEARD], ids=[each[0] for each in HEARD]
)
def test_it_goes_on_from_where_it_was(before: Callable[[], Call], then: str) -> None:
    call = again(before())
    assert call.look() == [then]
    assert call.state.rate == 16000


def test_what_was_recorded_without_an_entry_of_its_announcement_was_announced() -> None:
    """The journal may lack a line; a recording would not have been begun without it (R1)."""
    call = Call().arrive().prompt_ends().hear(events.RecordingStarted(0))
    kept = [
        entry
        for entry in call.entries()
        if not isinstance(entry, entries.PromptEnded | entries.Dialled)
    ]
    call.quiet().did += [do.Journal(entry) for entry in kept]
    assert again(call).look() == ["StartRecording"]


def test_who_opts_out_of_the_announcement_that_was_heard_is_not_recorded_meanwhile() -> None:
    before = Call().arrive()
    before.now = 8_400
    before.keys("*#")
    before.hear(events.PromptEnded(before.now, before.state.play, POLICY.announcement, 9000))
    call = again(before.keys("*"))
    assert call.look() == ["play reminder"]
    assert not call.state.may_record
    assert call.prompt_ends().keys("1").look() == ["StartRecording"]


def test_repeats_of_the_reminder_that_were_used_up_stay_used_up() -> None:
    call = again(reminded(Call().arrive()).keys("77"))
    assert call.state.reminders_left == POLICY.reminders - 2
    assert call.quiet().keys("7").look() == ["StopPrompts", "play goodbye"]


def test_a_prompt_that_ended_before_is_not_taken_for_one_that_plays_now() -> None:
    before = Call().arrive()
    play = before.state.play
    call = again(before)
    assert call.state.play > play
    call.quiet().hear(events.PromptEnded(0, play, POLICY.announcement, 9000))
    assert call.look() == []


# The end was near.


def test_who_had_opted_out_is_not_connected() -> None:
    for before in (
        reminded(Call().arrive()).prompt_ends().time_out(),
        reminded(Call().arrive()).prompt_ends().time_out().prompt_ends(),
    ):
        call = again(before)
        assert call.look() == ["TakeOver", "StopRecording", "hang up NORMAL_CLEARING"]
        call.quiet().hang_up(Party.SWITCH)
        ended = entries.HungUp("engine", "NORMAL_CLEARING", 16, "opted-out")
        assert call.entries() == [ended]


def test_where_the_destination_was_tried_it_is_not_tried_again() -> None:
    """It rang; what became of that is not known (docs/freeswitch.md 66)."""
    call = again(Call().arrive().prompt_ends().hear(events.RecordingStarted(0)), answer=False)
    assert entries.NotConnected(cause="") in call.entries()
    assert not any(isinstance(entry, entries.RecordingIntended) for entry in call.entries())
    call.quiet().hear(events.Answered(0, 8000))
    assert call.look() == ["play unavailable"]
    assert call.prompt_ends().look() == ["hang up NORMAL_CLEARING"]
    assert call.state.reason == "unavailable"


def test_whose_agent_has_gone_is_ended() -> None:
    """It was connected, and comes back: hangup_after_bridge was not in force."""
    call = again(Call().connect())
    assert call.look() == ["TakeOver", "StopRecording", "hang up NORMAL_CLEARING"]
    assert call.state.reason == "agent-gone"
    assert call.state.joined, "or its end would be called the switch's"


def test_nobody_hears_a_pause_of_before() -> None:
    call = again(Call().connect().paused())
    assert "HideKeys" not in call.look()
    assert call.state.phase is Phase.ENDING


# Calls that staff make.


def test_a_call_of_staff_is_dialled_when_the_new_intent_is_on_disk() -> None:
    call = again(Call(OUTBOUND).hear(ARRIVED), answer=False)
    assert call.look() == ["TakeOver", "StopRecording"]
    assert call.state.phase is Phase.SECURING
    call.hear(events.Journalled(0))
    assert call.look() == ["ListenToAgent", "bridge user/100"]
    assert do.StartRecording(PART_2) in call.bridge("b", "07700900999").did


def test_a_call_of_staff_that_rang_is_ended_and_nothing_is_said() -> None:
    call = again(Call(OUTBOUND).hear(ARRIVED, events.Journalled(0)))
    assert call.look() == ["TakeOver", "StopRecording", "hang up NORMAL_CLEARING"]
    assert call.state.reason == "unavailable"
    talked = again(Call(OUTBOUND).connect())
    assert talked.state.reason == "agent-gone"


# Once more.


def test_an_engine_may_die_again() -> None:
    first = Call().arrive()
    second = again(first, answer=False).hear(events.Journalled(0), events.Answered(0, 8000))
    second.did[:0] = [do.Journal(entry) for entry in first.entries()]
    third = again(second)
    assert third.look() == ["play announcement"]
    assert third.state.path == PATH.replace(".wav", ".3.wav")
    assert third.state.play > second.state.play


@pytest.mark.parametrize("before", [Call().arrive(), Call(OUTBOUND).hear(ARRIVED)])
def test_it_has_its_way_out(before: Call) -> None:
    call = again(before, answer=False)
    for _ in range(8):
        call.time_out()
    assert call.state.phase is Phase.DONE


# Languages, queues, and called people who are told first.


def test_without_a_choice_the_languages_are_named_again() -> None:
    assert again(Call(QUEUE).arrive()).look() == ["play languages"]
    told = [entries.Stamped(entries.Stamp(0, 0), entries.LanguageChosen("cy-GB"))]
    spoken = in_language(told, QUEUE)
    call = Call(QUEUE).arrive().keys("2")
    call.policy = spoken
    assert again(call).look() == ["play announcement"]


def test_who_waited_in_a_queue_is_not_sent_there_again() -> None:
    queued = Call(replace(QUEUE, menu=None)).arrive().prompt_ends()
    assert again(queued.hear(events.RecordingStarted(0))).look() == ["play unavailable"]


def test_a_called_person_is_told_though_an_earlier_engine_had_begun() -> None:
    call = again(Call(ANNOUNCED).hear(ARRIVED), answer=False).hear(events.Journalled(0))
    assert call.look()[-1] == "bridge user/100"
    call.hear(events.CustomerAnswered(0, "b", 8000))
    assert call.look() == ["play announcement"]


def test_who_opted_out_in_mid_call_is_not_connected_again() -> None:
    call = Call(OPTING).connect().keys("*#*").hear(events.Unbridged(0))
    after = again(call)
    assert after.state.phase is Phase.ENDING
    assert after.look() == ["TakeOver", "StopRecording", "hang up NORMAL_CLEARING"]
