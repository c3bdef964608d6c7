"""What a record says of pauses, parts and marks (R5, R7, R11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from ivr.core.entries import (
    Connected,
    Entry,
    HungUp,
    Marked,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    RecordingFailed,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
)
from ivr.core.fold import fold
from ivr.core.record import CallRecord, FoundAudio, Mark, Part, PausedSpan, Proof

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
WALL = 1_714_555_800_000  # 2024-05-01T09:30:00Z
ONE, TWO = f"/spool/recording/{CALL}.wav", f"/spool/recording/{CALL}.2.wav"
BEGIN = ((0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)), (1_000, Connected("b")))
PAUSE, ENDED = PauseStarted("agent"), PauseEnded()
ENDING = PauseEnding("page")
BYE = (61_000, HungUp("caller", "NORMAL_CLEARING", 16))
STOPPED_TWICE = (
    *BEGIN, (11_000, PAUSE), (11_030, RecordingStopped(ONE, "a", 10_030)),
    (11_040, PauseHeld("stopped")), (31_000, ENDING), (31_500, ENDED),
    (31_520, RecordingIntended(TWO)), (31_560, RecordingStarted(TWO)), BYE,
    (61_010, RecordingStopped(TWO, "b", 29_440)),
)  # fmt: skip


def audio(ms: int, part: int = 1, **more: object) -> FoundAudio:
    name = f"new/{CALL}.wav" if part == 1 else f"new/{CALL}.{part}.wav"
    sha = f"{part:064d}" if ms else ""
    found = FoundAudio(name, "wav", 2, 8000, ms * 8, 44 + ms * 32, sha, False, part)
    return replace(found, **more)  # type: ignore[arg-type] # any words


def record(told: tuple[tuple[int, Entry], ...], *found: FoundAudio) -> CallRecord:
    entries = [Stamped(Stamp(WALL + ms, 500 + ms), entry) for ms, entry in told]
    return fold(CALL, "h", "1", entries, UTC, found)


def test_a_pause_as_it_was_proved() -> None:
    told = (
        *BEGIN, (21_000, PAUSE), (21_020, PauseHeld("masked")), (30_000, PauseOverdue()),
        (30_980, ENDING), (31_000, ENDED), BYE,
    )  # fmt: skip
    sound = record(told, audio(60_000, proofs=(Proof(0, 1, 19_750, 30_250, 812, 7),))).recording
    assert sound.pauses == (
        PausedSpan(
            "2024-05-01T09:30:21.000+00:00", "2024-05-01T09:30:31.000+00:00", 19_750, 30_250, 1,
            "agent", "page", "masked", True, 1, 250, "repaired", 812, 7,
        ),
    )  # fmt: skip
    silent = audio(60_000, proofs=(Proof(0, 1, 19_750, 30_250, 0, 0),))
    assert record(told, silent).recording.pauses[0].verdict == "verified"


def test_parts_lie_on_one_time_line_with_the_gap_between_them() -> None:
    found = (
        audio(10_000, proofs=(Proof(0, 1, 9_750, 10_000, 90, 0),)),
        audio(29_400, 2, proofs=(Proof(0, 2, 0, 250, 0, 0),)),
    )
    made = record(STOPPED_TWICE, *found)
    sound = made.recording
    assert sound.parts == (
        Part(f"new/{CALL}.wav", 0, 80_000, 320_044, f"{1:064d}"),
        Part(f"new/{CALL}.2.wav", 30_560, 235_200, 940_844, f"{2:064d}"),
    )
    assert (sound.state, sound.path, sound.sha256) == ("kept", f"new/{CALL}.wav", f"{1:064d}")
    assert (sound.frames, sound.duration_ms, sound.size) == (315_200, 39_400, 1_260_888)
    assert (sound.switch_ms, sound.missing_ms, sound.cause) == (39_470, 70, "b")
    assert sound.stopped_at == "2024-05-01T09:31:01.010+00:00"
    assert sound.detail == ""
    assert [(p.part, p.start_ms, p.end_ms, p.verdict) for p in sound.pauses] == [
        (1, 9_750, 10_000, "repaired"),
        (2, 30_560, 30_810, "verified"),
    ]
    assert sound.unrecorded_ms == 20_470
    assert (made.durations.connected_ms, made.durations.joined_ms) == (60_000, 60_000)


def test_no_part_begins_before_the_one_before_it_is_over() -> None:
    first, second = record(STOPPED_TWICE, audio(40_000), audio(29_400, 2)).recording.parts
    assert (first.offset_ms, second.offset_ms) == (0, 40_000)


@pytest.mark.parametrize(
    ("found", "path", "detail"),
    [
        ((audio(10_000),), f"new/{CALL}.wav", "part 2 is missing"),
        ((audio(29_400, 2),), f"new/{CALL}.2.wav", "part 1 is missing"),
        ((audio(10_000), audio(0, 2)), f"new/{CALL}.wav", "part 2 holds no audio"),
        (
            (audio(0, trouble="not a WAV file"), audio(29_400, 2)),
            f"new/{CALL}.2.wav",
            "part 1: not a WAV file",
        ),
        (
            (audio(10_000), audio(29_400, 2), audio(1_000, 3)),
            f"new/{CALL}.wav",
            "part 3 is not in the journal",
        ),
    ],
)
def test_a_part_that_is_lost_does_not_lose_the_others(
    found: tuple[FoundAudio, ...], path: str, detail: str
) -> None:
    sound = record(STOPPED_TWICE, *found).recording
    assert (sound.state, sound.path, sound.detail) == ("kept", path, detail)
    assert len(sound.parts) == sum(each.frames > 0 for each in found)
    assert sound.parts[0].offset_ms == 0


def test_why_a_part_could_not_be_begun_is_told() -> None:
    failed = (*STOPPED_TWICE[:7], (31_560, RecordingFailed(TWO, "-ERR no")), BYE)
    sound = record((*failed,), audio(10_000)).recording
    assert sound.detail == "-ERR no"


@pytest.mark.parametrize(
    ("found", "verdict", "part"),
    [
        ((), "nothing", 0),
        ((audio(0),), "nothing", 0),
        ((audio(0, trouble="not a WAV file"),), "unproved", 1),
    ],
)
def test_a_pause_of_which_there_is_no_audio(
    found: tuple[FoundAudio, ...], verdict: str, part: int
) -> None:
    told = (*BEGIN, (21_000, PAUSE), (21_020, PauseHeld("masked")), (31_000, ENDED), BYE)
    sound = record(told, *found).recording
    assert sound.state == "lost"
    [pause] = sound.pauses
    assert (pause.verdict, pause.part, pause.start_ms, pause.end_ms) == (verdict, part, 0, 0)


def test_a_pause_that_nobody_ended() -> None:
    told = (*BEGIN, (21_000, PAUSE), (21_020, PauseHeld("masked", False)), BYE)
    [pause] = record(
        told, audio(60_000, proofs=(Proof(0, 1, 19_750, 60_000, 0, 0),))
    ).recording.pauses
    assert (pause.ended_by, pause.until) == ("", "2024-05-01T09:31:01.000+00:00")
    assert not pause.keys_hidden


def test_marks() -> None:
    made = record(
        (*BEGIN, (5_000, Marked("abuse", "page")), (6_000, Marked("card-digits", "\udce9")))
    )
    assert made.marks == (
        Mark("abuse", "page", "2024-05-01T09:30:05.000+00:00"),
        Mark("card-digits", "?", "2024-05-01T09:30:06.000+00:00"),
    )
