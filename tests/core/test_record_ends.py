"""Records of calls that the exempt extension took part in, that overflowed, in which a language was
chosen, and of which nothing may be kept (R4, R8, R9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from ivr.core.ending import in_record, is_exempt, opting_out, to_destroy
from ivr.core.entries import (
    Connected,
    Dialled,
    Entry,
    Exempted,
    Finished,
    HungUp,
    LanguageChosen,
    Marked,
    NotConnected,
    OptOutConfirmed,
    OptOutReturned,
    OptOutStarted,
    Parted,
    PauseEnded,
    PauseHeld,
    PauseStarted,
    PromptEnded,
    PromptStarted,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
    TakenUp,
)
from ivr.core.fold import fold
from ivr.core.record import CallRecord, Destroyed, Ended, FoundAudio
from ivr.core.timeline import timeline
from tests.core.test_fold import ARRIVED, AUDIO, BYE, CALL, PATH, WALL

EXEMPT = PauseStarted("exempt", back_ms=100)
PROMPT = PromptStarted("announcement", "3", "en", "a" * 64, 9000, "announcement")
BEFORE: tuple[tuple[int, Entry], ...] = (
    (0, ARRIVED), (10, PROMPT), (900, PromptEnded("announcement", 890, True, False)),
    (1_000, RecordingIntended(PATH)), (1_010, RecordingStarted(PATH)), (1_020, Dialled("desk")),
    (2_000, Connected("b-leg", "201")), (12_000, Parted()),
)  # fmt: skip
AFTER: tuple[tuple[int, Entry], ...] = (
    (12_200, RecordingStopped(PATH, "uri-failure", 99_000)), (12_300, TakenUp("followed")),
    (12_400, Connected("e-leg", "1999")), (13_000, PauseHeld("masked")),
    (14_000, PromptStarted("goodbye", "3", "en", "c" * 64, 900, "goodbye", 7)),
    (15_000, PromptEnded("goodbye", 900, True, False, 7)), (16_000, Marked("abuse", "page")),
    (17_000, Dialled("union")), (18_000, LanguageChosen("cy")), (19_000, OptOutStarted()),
    (20_000, PauseEnded()), (90_000, BYE),
)  # fmt: skip
MET: tuple[tuple[int, Entry], ...] = (
    (12_100, EXEMPT), (12_110, PauseHeld("masked")), (12_120, Exempted()),
)  # fmt: skip


def at(*told: tuple[int, Entry]) -> tuple[Stamped, ...]:
    return tuple(Stamped(Stamp(WALL + ms, 50_000 + ms), entry) for ms, entry in told)


def record(
    told: tuple[tuple[int, Entry], ...],
    *found: FoundAudio,
    destroyed: Destroyed | None = None,
    written_ms: int = 0,
) -> CallRecord:
    return fold(CALL, "h", "1", at(*told), UTC, found, destroyed, written_ms)


def test_a_record_ends_where_the_exempt_extension_comes_in() -> None:
    made = record((*BEFORE, *MET, *AFTER), AUDIO)
    assert made.ended == Ended("engine", "", 0, "exempt")
    assert made.ended_at == "2024-05-01T09:30:12.370+00:00"
    assert (made.durations.total_ms, made.durations.connected_ms) == (12_120, 10_120)
    assert (made.durations.joined_ms, made.durations.wall_ms) == (10_000, 12_120)
    assert [step.what for step in made.steps][-4:] == [
        "parted", "pause-started", "pause-held", "exempted",
    ]  # fmt: skip
    assert [(leg.id, leg.number) for leg in made.legs] == [("b-leg", "201")]
    assert [prompt.name for prompt in made.prompts] == ["announcement"]
    assert (made.destination, made.language, made.marks) == ("desk", "en", ())
    assert (made.taken_up, made.opt_out.started) == (0, 0)
    sound = made.recording
    assert (sound.state, sound.stopped_at, sound.cause) == ("kept", "", "")
    assert (sound.switch_ms, sound.missing_ms) == (0, 0)
    [pause] = sound.pauses
    assert (pause.by, pause.how, pause.ended_by) == ("exempt", "masked", "")
    assert "1999" not in repr(made)


@pytest.mark.parametrize(
    "after",
    [
        ((12_130, Finished()),),
        ((80_000, TakenUp("followed")), (90_000, HungUp("unknown", "", 0, "ended-unseen"))),
        ((80_000, HungUp("switch", "", 0, "switch-lost")), (80_000, Finished())),
        AFTER,
    ],
)
def test_whatever_comes_after_it_the_record_is_the_same(
    after: tuple[tuple[int, Entry], ...],
) -> None:
    written = WALL + 500_000
    found = replace(AUDIO, written_ms=written)
    assert record((*BEFORE, *MET, *after), found) == record((*BEFORE, *MET), found)


@pytest.mark.parametrize("confirmed", [True, False])
def test_an_engine_that_died_before_it_said_so_said_it_with_its_pause(confirmed: bool) -> None:
    begun = MET[:2] if confirmed else MET[:1]
    made = record((*BEFORE, *begun), AUDIO)
    assert made.ended.reason == "exempt"
    assert made.durations.total_ms == begun[-1][0]
    ends = ((12_130, HungUp("agent", "", 16)), (60_000, TakenUp("followed")))
    for end in ends:
        assert record((*BEFORE, *begun, end, (99_000, Exempted())), AUDIO) == made


def test_a_pause_that_ended_was_not_its_end() -> None:
    ended = ((12_200, PauseEnded()), (12_300, Connected("c-leg")), (20_000, BYE))
    made = record((*BEFORE, *MET[:2], *ended), AUDIO)
    assert made.ended.by == "caller"
    assert len(made.legs) == 2
    assert not is_exempt(at(*BEFORE, (12_100, PauseStarted("agent")), (20_000, BYE)))


def test_the_entries_of_the_record_are_its_entries_again() -> None:
    for told in ((*BEFORE, *MET, *AFTER), (*BEFORE, *MET[:1], *AFTER)):
        entries = in_record(at(*told))
        assert len(entries) < len(told)
        assert in_record(entries) == entries
        assert is_exempt(entries)


def test_a_recording_of_nothing_was_not_lost() -> None:
    """FreeSWITCH removes the empty file, and says so when the record is over."""
    never = tuple(each for each in BEFORE if not isinstance(each[1], (Connected, Parted)))
    sound = record((*never, *MET, *AFTER)).recording
    assert (sound.state, sound.reason) == ("none", "not-connected")
    sound = record((*BEFORE, *MET, *AFTER)).recording
    assert (sound.state, sound.reason) == ("lost", "missing")


def test_what_is_recorded_of_it_is_silent_to_the_end() -> None:
    line = timeline(at(*BEFORE, *MET, *AFTER), (1,))
    [span] = line.spans
    assert (span.begin_ms, span.to_end) == (10_000, True)
    [pause] = line.pauses
    assert (pause.ended, pause.by, pause.begin_ms) == (False, "exempt", 12_000)


def test_where_its_pause_is_lost_it_is_silent_all_the_same() -> None:
    line = timeline(at(*BEFORE[:-1], (12_000, Exempted()), *AFTER), (1,))
    [span] = line.spans
    assert (span.begin_ms, span.to_end) == (0, True), "from the entry before"
    line = timeline(at(*BEFORE[:3], (12_000, Exempted())))
    assert line.pauses == (), "nothing was recorded"
    paused = (11_000, PauseStarted("agent"))
    [pause] = timeline(at(*BEFORE[:-1], paused, (12_000, Exempted()))).pauses
    assert (pause.by, pause.begin_ms, pause.ended) == ("agent", 11_000, False)


def test_the_destination_is_the_one_that_was_dialled_last() -> None:
    overflow = (
        *BEFORE[:6], (5_000, NotConnected("NO_ANSWER")), (5_100, Dialled("council-tax")),
        (7_000, Connected("c-leg", "305")), (9_000, BYE),
    )  # fmt: skip
    made = record(overflow, AUDIO)
    assert made.destination == "council-tax"
    assert [(step.what, step.detail) for step in made.steps][5:9] == [
        ("dialled", "desk"), ("not-connected", "NO_ANSWER"), ("dialled", "council-tax"),
        ("connected", "305"),
    ]  # fmt: skip
    assert [leg.number for leg in made.legs] == ["305"]
    assert (made.recording.state, made.ended.by) == ("kept", "caller")
    assert record(BEFORE[:1]).destination == "desk", "the route's, where none was dialled"


def test_one_that_is_dialled_after_another_may_have_been_reached() -> None:
    """The engine died then: nobody knows that there was no connection."""
    intended = (*BEFORE[:4], (1_020, Dialled("desk")), (5_000, NotConnected("USER_BUSY")))
    over = record((*intended, (6_000, BYE))).recording
    assert (over.state, over.reason) == ("none", "not-connected")
    again = record((*intended, (5_100, Dialled("two")))).recording
    assert (again.state, again.reason) == ("lost", "not-started")


def test_the_language_is_the_one_that_the_caller_chose() -> None:
    told = (*BEFORE[:1], (100, LanguageChosen("fr")), (200, LanguageChosen("cy")))
    made = record(told)
    assert made.language == "cy"
    assert [(step.what, step.detail) for step in made.steps[1:]] == [
        ("language-chosen", "fr"), ("language-chosen", "cy"),
    ]  # fmt: skip


def test_an_opt_out_in_mid_call_is_told_from_one_before() -> None:
    told = ((0, ARRIVED), (1, OptOutStarted()), (2, OptOutReturned()), (3, OptOutStarted(True)))
    made = record(told)
    assert [step.detail for step in made.steps if step.what == "opt-out-started"] == [
        "", "connected",
    ]  # fmt: skip
    assert (made.opt_out.started, made.opt_out.returned) == (2, 1)


def test_an_announcement_to_a_called_person_counts_like_any() -> None:
    calls_out = replace(ARRIVED, direction="outbound")
    made = record(((0, calls_out), (5, Dialled("x")), *BEFORE[1:3], *BEFORE[6:7]))
    assert (made.direction, made.announcement) == ("outbound", "fully")


OPTED = (
    *BEFORE[:7], (9_000, OptOutStarted(True)), (9_500, Parted()),
    (12_000, OptOutConfirmed("timeout", "destroy")),
)  # fmt: skip
PROOF = Destroyed("2024-05-01T09:31:00.000+00:00", 2, 4_000)


def test_a_recording_that_was_destroyed() -> None:
    made = record((*OPTED, (13_000, RecordingStopped(PATH, "", 8_000))), destroyed=PROOF)
    sound = made.recording
    assert (sound.state, sound.reason, sound.destroyed) == ("destroyed", "opted-out", PROOF)
    assert (sound.parts, sound.sha256, sound.path) == ((), "", "")
    assert (sound.frames, sound.size, sound.duration_ms) == (0, 0, 0)
    assert (sound.switch_ms, sound.missing_ms) == (8_000, 0), "none of it is missed"
    assert (made.opt_out.confirmed, made.opt_out.how) == (True, "timeout")


def test_where_there_was_nothing_nothing_was_destroyed() -> None:
    never = ((0, ARRIVED), (1, OptOutStarted()), (2, OptOutConfirmed("timeout", "destroy")))
    sound = record(never, destroyed=PROOF._replace(parts=0, bytes=0)).recording
    assert (sound.state, sound.reason, sound.destroyed) == ("none", "opted-out", None)
    assert record(never, destroyed=PROOF).recording.state == "destroyed"
    gone = PROOF._replace(parts=0, bytes=0)
    assert record(OPTED, destroyed=gone).recording.destroyed == gone


def test_what_is_gone_was_a_sign_of_life() -> None:
    assert record(OPTED, destroyed=PROOF, written_ms=WALL + 60_000).durations.total_ms == 60_000


@pytest.mark.parametrize(
    ("more", "destroy", "open_"),
    [
        ((), False, True),
        ((OptOutReturned(),), False, False),
        ((OptOutConfirmed("timeout"),), False, False),
        ((OptOutConfirmed("lost", "destroy"),), True, False),
        ((OptOutConfirmed("lost", "destroy"), BYE, Finished()), True, False),
        ((OptOutReturned(), OptOutStarted(True)), False, True),
    ],
)
def test_what_becomes_of_what_was_recorded(
    more: tuple[Entry, ...], destroy: bool, open_: bool
) -> None:
    told = at(*OPTED[:-1], *((20_000, entry) for entry in more))
    assert to_destroy(told) is destroy
    assert opting_out(told) is open_
    assert not opting_out(at((0, ARRIVED), (1, OptOutStarted())))
