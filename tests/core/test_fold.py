"""Entries of a call, folded into its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from ivr.core.entries import (
    Answered,
    Arrived,
    Connected,
    Dialled,
    Entry,
    Finished,
    HungUp,
    NotConnected,
    OptOutConfirmed,
    OptOutReturned,
    OptOutStarted,
    PromptEnded,
    PromptStarted,
    RecordingFailed,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    ReminderRepeated,
    Stamp,
    Stamped,
)
from ivr.core.fold import fold, iso
from ivr.core.record import CallRecord, Ended, FoundAudio, OptOut

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
PATH = f"/spool/recording/{CALL}.wav"
LONDON = ZoneInfo("Europe/London")
WALL = 1_714_555_800_250  # 2024-05-01T09:30:00.250Z
ARRIVED = Arrived("0300", "07700", "Jo", "inbound", "benefits", "main", "en", "7", "c0ffee", "desk")
PLAYED = PromptStarted("announcement", "3", "en", "a" * 64, 9000, "announcement")
HEARD = PromptEnded("announcement", 9000, True, False)
INTENDED = RecordingIntended(PATH)
STARTED = RecordingStarted(PATH)
STOPPED = RecordingStopped(PATH, "success-silence", 12_000)
JOINED = Connected("b-leg", "201")
BYE = HungUp("caller", "NORMAL_CLEARING", 16)
AUDIO = FoundAudio(f"new/{CALL}.wav", "wav", 2, 8000, 96_000, 384_044, "b" * 64, False)
EMPTY = FoundAudio(f"new/{CALL}.wav", "wav", 2, 8000, 0, 44, "", False)


def told(*entries: Entry) -> tuple[Stamped, ...]:
    """The entries a second apart."""
    return tuple(
        Stamped(Stamp(WALL + 1000 * n, 50_000 + 1000 * n), entry) for n, entry in enumerate(entries)
    )


def record(
    entries: Sequence[Entry], found: FoundAudio | None = None, trouble: str = ""
) -> CallRecord:
    there = replace(EMPTY, trouble=trouble) if trouble else found
    return fold(CALL, "host-1", "0.1.0", told(*entries), LONDON, () if there is None else (there,))


def test_a_whole_call() -> None:
    told_all = (
        ARRIVED, Answered(), PLAYED, HEARD, INTENDED, Dialled("desk"), STARTED, JOINED, STOPPED,
        BYE, Finished(),
    )  # fmt: skip
    made = record(told_all, AUDIO)
    assert (made.schema, made.call, made.host, made.engine) == (4, CALL, "host-1", "0.1.0")
    assert (made.team, made.route, made.language) == ("benefits", "main", "en")
    assert (made.number, made.caller, made.caller_name) == ("0300", "07700", "Jo")
    assert (made.direction, made.destination) == ("inbound", "desk")
    assert (made.policy_version, made.config_version) == ("7", "c0ffee")
    assert made.arrived_at == "2024-05-01T10:30:00.250+01:00"
    assert made.connected_at == "2024-05-01T10:30:07.250+01:00"
    assert made.ended_at == "2024-05-01T10:30:09.250+01:00"
    assert made.durations.total_ms == 9000
    assert made.durations.to_connect_ms == 7000
    assert made.durations.connected_ms == 2000
    assert made.announcement == "fully"
    [prompt] = made.prompts
    assert (prompt.role, prompt.name, prompt.version) == ("announcement", "announcement", "3")
    assert (prompt.sha256, prompt.length_ms, prompt.heard_ms) == ("a" * 64, 9000, 9000)
    assert (prompt.complete, prompt.missing, prompt.language) == (True, False, "en")
    sound = made.recording
    assert (sound.state, sound.reason, sound.path) == ("kept", "", f"new/{CALL}.wav")
    assert (sound.channels, sound.rate, sound.frames, sound.duration_ms) == (
        2,
        8000,
        96_000,
        12_000,
    )
    assert (sound.sha256, sound.size, sound.missing_ms) == ("b" * 64, 384_044, 0)
    assert sound.started_at == "2024-05-01T10:30:06.250+01:00"
    assert sound.stopped_at == "2024-05-01T10:30:08.250+01:00"
    [part] = sound.parts
    assert (part.path, part.offset_ms, part.frames) == (sound.path, 0, sound.frames)
    assert made.ended == Ended("caller", "NORMAL_CLEARING", 16, "")
    assert [step.what for step in made.steps] == [
        "arrived", "answered", "prompt-started", "prompt-ended", "recording-intended", "dialled",
        "recording-started", "connected", "recording-stopped", "hung-up",
    ]  # fmt: skip
    assert [step.ms for step in made.steps] == [1000 * n for n in range(10)]
    assert made.steps[5].detail == "desk"


def heard(ms: int, complete: bool = False, play: int = 0) -> tuple[Entry, Entry]:
    return replace(PLAYED, play=play), PromptEnded("announcement", ms, complete, False, play)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((), "no"),
        ((*heard(0),), "no"),
        ((*heard(4000),), "partly"),
        ((*heard(4000), *heard(5000, True, 1)), "fully"),
        ((*heard(9000, True), *heard(1, play=1)), "fully"),
        ((PLAYED,), "no"),
        ((PLAYED, PromptEnded("announcement", 0, False, True)), "no"),
        (
            (PromptStarted("reminder", "1", "en", "", 1), PromptEnded("reminder", 1, True, False)),
            "no",
        ),
    ],
)
def test_how_much_of_the_announcement_was_heard(entries: tuple[Entry, ...], expected: str) -> None:
    assert record((ARRIVED, *entries)).announcement == expected


def test_an_end_belongs_to_its_own_playing_whatever_began_meanwhile() -> None:
    """A prompt that was stopped for another ends after the other has begun."""
    reminder = PromptStarted("reminder", "2", "en", "c" * 64, 5000, "reminder", play=2)
    began, ended = heard(1500, play=1)
    prompts = record((ARRIVED, began, reminder, ended)).prompts
    assert [(p.name, p.length_ms, p.heard_ms) for p in prompts] == [
        ("announcement", 9000, 1500),
        ("reminder", 5000, 0),
    ]


def test_a_prompt_of_which_no_end_was_heard_is_there_as_not_heard() -> None:
    reminder = PromptStarted("reminder", "2", "en", "c" * 64, 5000, "reminder", play=1)
    first, second = record((ARRIVED, PLAYED, reminder)).prompts
    assert (first.name, first.heard_ms, first.complete) == ("announcement", 0, False)
    assert (second.name, second.version, second.heard_ms) == ("reminder", "2", 0)


def test_the_history_of_opting_out() -> None:
    made = record(
        (
            ARRIVED, OptOutStarted(), ReminderRepeated(), OptOutReturned(), OptOutStarted(),
            OptOutConfirmed("timeout"), BYE,
        )
    )  # fmt: skip
    assert made.opt_out == OptOut(2, 1, True, "timeout", 1)
    assert (made.recording.state, made.recording.reason) == ("none", "opted-out")
    assert "opt-out-confirmed" in [step.what for step in made.steps]


BUSY = NotConnected("USER_BUSY")
FAILED = RecordingFailed(PATH, "no room")


@pytest.mark.parametrize(
    ("entries", "found", "expected"),
    [
        ((), None, ("none", "not-connected")),
        ((BYE,), None, ("none", "not-connected")),
        ((INTENDED, BUSY, BYE), None, ("none", "not-connected")),
        ((INTENDED, BYE), EMPTY, ("none", "not-connected")),
        ((INTENDED, STARTED, BUSY, BYE), EMPTY, ("none", "not-connected")),
        ((INTENDED, STARTED, BUSY, BYE), None, ("lost", "missing")),
        ((INTENDED,), None, ("lost", "not-started")),  # the engine died: nobody knows
        ((INTENDED, JOINED, BYE), None, ("lost", "not-started")),
        ((INTENDED, STARTED, JOINED, BYE), None, ("lost", "missing")),
        ((INTENDED, STARTED, JOINED, BYE), EMPTY, ("lost", "empty")),
        ((INTENDED, FAILED, JOINED, BYE), None, ("lost", "failed")),
        ((JOINED, BYE), None, ("none", "not-intended")),
        ((), AUDIO, ("kept", "")),
        ((INTENDED, FAILED, BYE), AUDIO, ("kept", "")),
    ],
)
def test_why_there_is_no_recording(
    entries: tuple[Entry, ...], found: FoundAudio | None, expected: tuple[str, str]
) -> None:
    sound = record((ARRIVED, *entries), found).recording
    assert (sound.state, sound.reason) == expected
    assert bool(sound.path) == bool(sound.parts) == bool(sound.sha256) == (expected[0] == "kept")


def test_the_reason_of_a_failure_and_of_an_unreadable_file_are_told() -> None:
    assert record((INTENDED, FAILED, JOINED)).recording.detail == "no room"
    sound = record((INTENDED, STARTED, JOINED), None, "not a WAV file").recording
    assert (sound.state, sound.reason, sound.detail) == ("lost", "unreadable", "not a WAV file")


def test_what_a_full_disk_swallowed_is_told() -> None:
    stopped = RecordingStopped(PATH, "uri-failure", 18_500)
    sound = record((INTENDED, STARTED, JOINED, stopped), AUDIO).recording
    assert (sound.state, sound.duration_ms, sound.switch_ms) == ("kept", 12_000, 18_500)
    assert (sound.missing_ms, sound.cause) == (6_500, "uri-failure")


def test_no_entries_make_a_record() -> None:
    made = fold(CALL, "h", "0.1.0", (), LONDON, (AUDIO,))
    assert (made.recording.state, made.ended.by, made.arrived_at) == ("kept", "unknown", "")
    assert made.steps == ()


def test_durations_come_from_the_monotonic_clock_unless_the_host_restarted() -> None:
    stepped = (Stamped(Stamp(WALL, 5000), ARRIVED), Stamped(Stamp(WALL - 60_000, 7000), BYE))
    assert fold(CALL, "h", "1", stepped).durations.total_ms == 2000
    restarted = (Stamped(Stamp(WALL, 5000), ARRIVED), Stamped(Stamp(WALL + 90_000, 10), BYE))
    assert fold(CALL, "h", "1", restarted).durations.total_ms == 90_000


def test_times_follow_summer_time_and_keep_every_millisecond() -> None:
    assert iso(1_711_846_799_999, LONDON) == "2024-03-31T00:59:59.999+00:00"
    assert iso(1_711_846_800_000, LONDON) == "2024-03-31T02:00:00.000+01:00"
    assert all(iso(WALL + ms, LONDON)[20:23] == f"{250 + ms:03d}" for ms in range(750))


def test_a_callers_bytes_stay_data() -> None:
    name = "a\r\n\0\u2028\udce9<x>"
    made = record((Arrived("1", "2", name, "inbound", "t", "r", "en", "1", "1", "d"),))
    assert made.caller_name == "a\r\n\0\u2028?<x>"
