"""A call that an earlier engine left: what its journal says of pauses holds on (R6, R22)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.policy import CallPolicy
from ivr.core.stalling import should_grow
from ivr.core.state import CallState, Pause, Phase, Recording
from ivr.core.taking_up import followed
from tests.core.calls import (
    ANNOUNCED,
    ARRIVED,
    EXEMPT,
    OPTING,
    OUTBOUND,
    PATH,
    POLICY,
    QUEUE,
    TO_LINE,
    Call,
)
from tests.core.test_pausing import LISTENING, PART_2, PART_3

LEFT = entries.Stamp(0, 0)


def left(call: Call) -> Call:
    """The call as the next engine has it, from the journal alone."""
    journal = [entries.Stamped(LEFT, entry) for entry in call.entries()]
    after = Call(call.policy)
    after.state, commands = followed(journal, PATH, call.policy)
    # Whoever is at the other end is listened to in every case: test_the_codes_are_listened_for.
    after.did += [one for one in commands if not isinstance(one, do.ListenToAgent)]
    return after


def talking(policy: CallPolicy = LISTENING) -> Call:
    return Call(policy).connect()


def stopped() -> Call:
    return talking().pause().hidden().masked(False).stopped()


STAGES: list[tuple[Callable[[], Call], list[str]]] = [
    (lambda: talking().pause(), ["HideKeys", "Mask"]),
    (lambda: talking().pause().masked(False), ["HideKeys", "Mask"]),
    (lambda: talking().paused(), ["HideKeys", "Mask"]),
    (lambda: talking().paused().resume(), ["HideKeys", "Mask"]),
    (lambda: stopped().resume(), ["HideKeys", "Mask"]),
    (lambda: stopped().resume().hear(events.Journalled(0)), ["HideKeys", "Mask"]),
    (lambda: talking().paused().resume().unmasked(), ["HideKeys", "Mask"]),
    (lambda: stopped(), ["HideKeys"]),
]
IDS = [*(pause.value for pause in Pause if pause is not Pause.OFF), "on without a recording"]


@pytest.mark.parametrize(("before", "words"), STAGES, ids=IDS)
def test_it_is_masked_at_once_whatever_was_done_about_it(
    before: Callable[[], Call], words: list[str]
) -> None:
    call = left(before())
    assert call.look() == words
    assert any(isinstance(c, do.StartPauseTimer) for c in left(before()).did)
    call.hidden().masked()
    assert call.state.pause is Pause.ON, "nobody asked this engine to resume"
    assert call.state.phase is Phase.UNLINKED


def test_one_that_is_not_paused_is_left_alone() -> None:
    for before in (talking(), talking().paused().resume().unmasked().shown()):
        call = left(before)
        assert (call.look(), call.state.pause) == ([], Pause.OFF)
        assert call.state.recording is Recording.RUNNING
        assert call.pause().look() == ["HideKeys", "Mask"]


def test_it_can_be_resumed() -> None:
    call = left(talking().paused()).hidden().masked().quiet().resume()
    assert call.unmasked().shown().look() == ["Unmask", "ShowKeys", "tone resumed"]


def test_one_without_a_recording_goes_on_with_a_further_part() -> None:
    call = left(stopped()).hidden().quiet().resume()
    assert call.entries()[-1] == entries.RecordingIntended(path=PART_2)
    call.hear(events.Journalled(0))
    assert call.look() == ["StartRecording"]


def test_a_further_part_that_may_be_running_is_masked_or_stopped() -> None:
    """Between the request and RECORD_START the journal knows nothing of it."""
    call = left(stopped().resume().hear(events.Journalled(0)))
    assert (call.look(), call.state.path) == (["HideKeys", "Mask"], PART_2)
    call.hidden().masked(False)
    assert call.look() == ["StopRecording", "tone not done"]
    call.stopped("not-recorded").resume()
    assert call.entries()[-1] == entries.RecordingIntended(path=PART_3)


def test_the_called_customers_recording_may_be_running_too() -> None:
    ringing = Call(OUTBOUND).hear(ARRIVED, events.Journalled(0)).pause()
    assert left(ringing).look() == ["HideKeys"]
    call = left(ringing.bridge("b"))
    assert call.look() == ["HideKeys", "Mask"]
    call.hidden().masked(False).stopped("not-recorded").resume()
    assert call.entries()[-1] == entries.RecordingIntended(path=PART_2)


def test_the_hangup_of_a_call_that_may_be_recorded_waits_for_its_end() -> None:
    call = left(Call(OUTBOUND).hear(ARRIVED, events.Journalled(0)).bridge("b")).hang_up()
    assert call.state.phase is Phase.CLOSING
    assert call.quiet().stopped().look() == ["Finish"]


def test_at_a_payment_line_keys_still_go_through_and_the_pause_ends_with_it() -> None:
    for before in (
        talking().bridge("line", "1500").hidden().masked(),
        Call(TO_LINE).connect().hidden().masked(),
    ):
        call = left(before)
        assert call.look() == ["ForgetKeys", "HideKeys but relay", "Mask"]
        call.hidden().masked()
        assert call.state.pause is Pause.ON
        assert "Unmask" in call.quiet().bridge("c", "101").look()


def test_a_payment_line_that_still_rings_is_paused_for() -> None:
    ringing = Call(TO_LINE).arrive().prompt_ends().hear(events.RecordingStarted(0))
    call = left(ringing)
    assert call.look() == ["ForgetKeys", "HideKeys but relay", "Mask"]
    assert call.hidden().masked().state.pause is Pause.ON


def test_who_asked_counts_after_it_too() -> None:
    for before in (
        talking().paused().bridge("line", "1500"),
        talking().bridge("line", "1500").hidden().masked().pause("page"),
        talking().bridge("line", "1500").pause("page").hidden().masked(),
    ):
        call = left(before).hidden().masked().quiet()
        assert "Unmask" not in call.bridge("c", "101").look()
        assert call.state.pause is Pause.ON


# Hold, transfers, and parts that stalled.


def test_one_on_hold_stays_masked_until_the_agent_is_back() -> None:
    call = left(talking().hold().hidden().masked())
    assert call.look() == ["HideKeys", "Mask"]
    assert call.state.held
    call.hidden().masked().quiet()
    assert call.resume().look() == [], "nobody ends the mask of a hold"
    assert call.unhold().look() == ["Unmask"]


def test_one_that_was_paused_on_hold_outlasts_it() -> None:
    call = left(talking().hold().hidden().masked().pause("page")).hidden().masked().quiet()
    assert call.unhold().look() == []
    assert call.resume("page").look() == ["Unmask"]


def test_one_whose_pause_was_left_to_the_hold_ends_with_it() -> None:
    call = left(talking().paused().hold().resume()).hidden().masked().quiet()
    assert call.unhold().look() == []
    assert call.resume().look() == ["Unmask"], "who asked counts, though the hold took it over"


def test_whom_it_was_transferred_to_does_not_hold_it() -> None:
    call = left(talking().hold().hidden().masked().bridge("c", "101").unmasked().shown())
    assert (call.state.held, call.state.pause) == (False, Pause.OFF)


def test_who_began_the_pause_and_when_is_remembered_again() -> None:
    call = left(talking().paused("page"))
    assert call.did[1] == do.HideKeys("page", 0)


def test_a_part_that_stalled_is_not_left_to_grow_beside_the_next() -> None:
    """FreeSWITCH may be writing to it: the intent of the next was on its way to the disk."""
    call = left(talking().stall())
    assert call.did[1:] == [do.StopRecording(PATH)]
    assert call.state.path == "/fallback/recording/a.2.wav"
    paused = left(talking().paused().stall())
    assert paused.look() == ["StopRecording", "HideKeys", "Mask"], "nor unmasked"


def test_none_of_several_that_stalled_is_left() -> None:
    second = talking().stall().hear(events.Journalled(0))
    third = second.hear(events.Stalled(60_000, "/spool/recording"))
    call = left(third)
    assert call.did[1:] == [
        do.StopRecording(PATH),
        do.StopRecording("/fallback/recording/a.2.wav"),
    ]
    assert call.state.path == PART_3


def test_one_that_stalled_is_left_alone_where_no_other_is_known_to_be_meant() -> None:
    """The disk may have taken the one entry and not the next."""
    before = talking().stall()
    before.did = [each for each in before.did if "a.2.wav', format" not in str(each)]
    call = left(before)
    assert call.look() == []
    assert call.state.path == PATH


def test_where_nobody_was_reached_there_is_no_pause_any_more() -> None:
    ringing = Call().arrive().prompt_ends().hear(events.RecordingStarted(0)).pause()
    assert left(ringing).look() == ["HideKeys", "Mask"]
    call = left(ringing.hear(events.BridgeEnded(0, "USER_BUSY")))
    assert (call.look(), call.state.pause) == ([], Pause.OFF)


def test_the_next_part_alone_is_recorded_once_it_had_begun() -> None:
    began = talking().stall().hear(events.Journalled(0), events.RecordingStarted(0))
    call = left(began)
    assert call.look() == []
    assert call.state.recording is Recording.RUNNING
    assert call.pause().did[-3:-1] != [], "it is masked"
    assert do.Mask("/fallback/recording/a.2.wav") in call.did


def test_one_for_which_there_was_no_room_may_grow_again_and_is_masked() -> None:
    """docs/freeswitch.md 63."""
    call = left(talking().stall(""))
    assert call.state.recording is Recording.RUNNING
    assert call.pause().look() == ["HideKeys", "Mask"]


def test_one_that_nobody_hears_now_need_not_grow() -> None:
    for before in (
        talking().hear(events.BridgeEnded(0, "NORMAL_CLEARING")),
        talking().hear(events.CustomerHeld(0)),
        Call().arrive(),
    ):
        assert not should_grow(left(before).state)
    assert should_grow(left(talking()).state)


def test_a_caller_who_was_not_told_is_not_recorded_by_the_next_engine() -> None:
    """R1, R3."""
    untold = Call().arrive().prompt_ends(0, missing=True).bridge("b")
    opting_out = Call().arrive()
    opting_out.now = 8_400
    opting_out.keys("*#").hear(
        events.PromptEnded(8_999, opting_out.state.play, POLICY.announcement, 9000)
    ).keys("*")
    assert opting_out.state.phase is Phase.REMINDING
    for before in (untold, opting_out):
        call = left(before)
        assert not call.state.may_record
        assert call.hear(events.Stalled(99_999, "/fallback")).entries() == [
            entries.TakenUp(how="followed")
        ]


def test_a_customer_who_answers_now_is_recorded() -> None:
    """Its engine was killed while a call of staff rang (docs/freeswitch.md 66)."""
    call = left(Call(OUTBOUND).hear(ARRIVED, events.Journalled(0))).quiet()
    assert call.bridge("b", "07700900999").look()[0] == "StartRecording"


def test_a_customer_who_answers_before_the_intent_was_written_is_not() -> None:
    arrived = Call(OUTBOUND).hear(ARRIVED)
    arrived.did = [each for each in arrived.did if "Intended" not in str(each)]
    call = left(arrived).quiet().bridge("b", "07700900999")
    assert "StartRecording" not in call.look()
    assert call.state.recording is Recording.REFUSED


def test_a_journal_of_before_there_were_pauses() -> None:
    step = followed([], PATH, POLICY)
    assert step.state == CallState(phase=Phase.UNLINKED, timer=1, path=PATH)
    assert step.commands == (do.Journal(entries.TakenUp(how="followed")),)


@pytest.mark.parametrize(
    ("call", "listens"),
    [
        (talking, True),
        (lambda: Call(OUTBOUND).hear(ARRIVED, events.Journalled(0)), True),
        (lambda: talking(TO_LINE), False),
        (lambda: talking().hear(events.BridgeEnded(0, "NORMAL_CLEARING")), False),
    ],
    ids=["agent", "staff", "payment line", "parted"],
)
def test_the_codes_are_listened_for(call: Callable[[], Call], listens: bool) -> None:
    """The last engine may have been killed before it had bound them."""
    told = call()
    journal = [entries.Stamped(LEFT, entry) for entry in told.entries()]
    step = followed(journal, PATH, told.policy)
    assert (do.ListenToAgent(told.policy.pausing.codes) in step.commands) is listens


# The exempt extension, opting out, languages and queues.


OPTS = replace(OPTING, pausing=LISTENING.pausing)


def test_one_that_met_the_exempt_extension_is_only_stopped() -> None:
    """R8: whether the last engine got as far as to say so, or not."""
    for kept in (99, -1):
        before = talking(EXEMPT).hear(events.Exempt(0))
        told = [each for each in before.did if isinstance(each, do.Journal)]
        before.did = [*told][:kept]
        call = left(before)
        assert call.state.phase is Phase.LEAVING
        assert call.look() == ["StopRecording"]
        assert call.stopped().look() == ["Finish"]


def test_who_is_there_is_found_out_before_the_recording_hears_again() -> None:
    """FreeSWITCH masked it meanwhile, if they were parted (docs/freeswitch.md 83)."""
    call = left(talking(EXEMPT))
    assert call.did[-1] == do.MakeSure("b")
    assert call.hear(events.StillJoined(0)).did[-1] == do.Unmask(PATH, only_with="b")
    parted = left(talking(EXEMPT).hear(events.Unbridged(0))).quiet()
    assert parted.hear(events.StillJoined(0)).look() == []


def test_a_pause_that_ended_while_nobody_was_there_ends_with_who_comes() -> None:
    call = left(talking().paused().hear(events.Unbridged(0)).resume().shown()).quiet()
    assert "Unmask" in call.bridge("c").look()


@pytest.mark.parametrize("keyed", ["*#*", "*#*1"], ids=["deciding", "back"])
def test_who_opts_out_in_mid_call_is_kept_out_to_the_end_unless_back(keyed: str) -> None:
    before = talking(OPTS).keys("*#*").hidden().masked()
    before.hear(events.Unbridged(0)).prompt_ends().keys(keyed[3:])
    call = left(before).hidden().masked()
    call.quiet().bridge("b").resume()
    assert ("Unmask" in call.look()) is (keyed[-1] == "1")


def test_a_sequence_that_was_half_keyed_is_none_to_the_next_engine() -> None:
    call = left(talking(OPTS).keys("*").hidden().masked()).hidden().quiet().masked()
    assert call.look() == ["Unmask"]


def test_who_opted_out_of_a_queue_and_was_taken_in_that_moment_is_not_recorded() -> None:
    waiting = Call(replace(QUEUE, menu=None)).arrive().prompt_ends()
    before = waiting.hear(events.RecordingStarted(0)).keys("*#*").bridge("b")
    call = left(before).hidden().masked().quiet()
    assert call.resume().look() == []


def test_a_called_person_who_was_not_told_is_not_recorded_by_the_next_engine() -> None:
    """R1, R10."""
    ringing = Call(ANNOUNCED).hear(ARRIVED, events.Journalled(0))
    call = left(ringing).quiet().bridge("b", "07700900999")
    assert "StartRecording" not in call.look()
    told = Call(ANNOUNCED).hear(ARRIVED, events.Journalled(0))
    told.hear(events.CustomerAnswered(0, "b", 8000)).prompt_ends()
    assert "StartRecording" in left(told).quiet().bridge("b", "07700900999").look()


def test_a_pause_that_outlasted_an_overflow_is_taken_up() -> None:
    ringing = Call(replace(QUEUE, menu=None)).arrive().prompt_ends()
    before = ringing.hear(events.RecordingStarted(0)).paused()
    call = left(before.hear(events.BridgeEnded(0, "NO_ANSWER")))
    assert call.look() == ["HideKeys", "Mask"]
