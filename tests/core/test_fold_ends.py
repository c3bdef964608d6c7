"""When a call was over that nobody saw the end of, and how long it lasted (R22)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core.ending import End, end_of
from ivr.core.entries import (
    Arrived,
    Connected,
    Entry,
    HungUp,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    RecordingIntended,
    RecordingStalled,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
    TakenUp,
)
from ivr.core.fold import fold
from ivr.core.record import CallRecord, FoundAudio
from ivr.core.timeline import PartLine, timeline
from ivr.metrics import shortfall

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
WALL = 1_714_555_800_000  # 2024-05-01T09:30:00Z
BOOT = 90_000
ONE, TWO = f"/spool/recording/{CALL}.wav", f"/fallback/recording/{CALL}.2.wav"
ARRIVED = Arrived("0300", "07700", "Jo", "inbound", "benefits", "main", "en", "7", "c", "desk")
BEGIN: tuple[tuple[int, Entry], ...] = (
    (0, ARRIVED), (500, RecordingIntended(ONE)), (510, RecordingStarted(ONE)),
    (1_000, Connected("b")),
)  # fmt: skip
LOST = HungUp("switch", "", 0, "switch-lost")
UNSEEN = HungUp("unknown", "", 0, "ended-unseen")
BYE = HungUp("caller", "NORMAL_CLEARING", 16)


def at(*told: tuple[int, Entry]) -> tuple[Stamped, ...]:
    return tuple(Stamped(Stamp(WALL + ms, BOOT + ms), entry) for ms, entry in told)


def audio(ms: int, part: int = 1, written: int = 0) -> FoundAudio:
    """A part that holds so much, and was last written at that moment of the call."""
    name = f"new/{CALL}.wav" if part == 1 else f"new/{CALL}.{part}.wav"
    wrote = WALL + written if written else 0
    sha = f"{part:064d}"
    return FoundAudio(
        name, "wav", 2, 8000, ms * 8, 44 + ms * 32, sha, False, part, written_ms=wrote
    )


def record(entries: tuple[Stamped, ...], *found: FoundAudio) -> CallRecord:
    return fold(CALL, "h", "1", entries, found=found)


@pytest.mark.parametrize("end", [LOST, UNSEEN])
@pytest.mark.parametrize(
    ("written", "found_out", "ended"),
    [
        (40_000, 90_000, 40_000),  # the audio was written last
        (0, 90_000, 1_000),  # nothing is known of the audio
        (700, 90_000, 1_000),  # something happened after it
        (95_000, 90_000, 90_000),  # never after it was found out
    ],
)
def test_an_end_that_nobody_saw_was_at_the_last_sign_of_life(
    end: HungUp, written: int, found_out: int, ended: int
) -> None:
    made = record(at(*BEGIN, (found_out, end)), audio(39_000, written=written))
    assert (
        made.ended_at == f"2024-05-01T09:{30 + ended // 60_000}:{ended // 1000 % 60:02d}.000+00:00"
    )
    assert made.durations.total_ms == made.durations.wall_ms == ended
    assert made.durations.connected_ms == made.durations.joined_ms == ended - 1_000
    assert made.ended.reason == end.reason
    assert (made.steps[-1].what, made.steps[-1].ms) == ("hung-up", found_out)


def test_an_end_that_was_seen_is_when_it_was_seen() -> None:
    made = record(at(*BEGIN, (20_000, BYE)), audio(19_000, written=25_000))
    assert made.durations.total_ms == 20_000
    made = record(at(*BEGIN, (20_000, BYE), (90_000, UNSEEN)), audio(19_000, written=25_000))
    assert (made.durations.total_ms, made.ended.by) == (20_000, "caller")


def test_what_the_engine_says_of_itself_is_no_sign_of_life() -> None:
    told = (
        *BEGIN, (20_000, PauseStarted("agent")), (20_020, PauseHeld("masked")),
        (60_000, PauseOverdue()), (70_000, RecordingStalled(ONE, TWO)),
        (70_010, RecordingIntended(TWO)), (90_000, LOST),
    )  # fmt: skip
    assert end_of(at(*told)) == End(20_020, WALL + 20_020, False)
    made = record(at(*told), audio(29_000, written=30_000))
    assert made.durations.total_ms == 30_000
    assert made.durations.joined_ms == 29_000
    assert made.recording.missing_ms == 0
    assert shortfall(made) == ""


def test_a_call_without_an_end_ends_with_its_audio() -> None:
    made = record(at(*BEGIN), audio(39_000, written=40_000))
    assert (made.ended.by, made.durations.total_ms) == ("unknown", 40_000)
    assert record(at(*BEGIN)).durations.total_ms == 1_000
    made = record((), audio(39_000, written=40_000))
    assert (made.arrived_at, made.ended_at) == ("", "2024-05-01T09:30:40.000+00:00")
    assert made.durations.total_ms == made.durations.wall_ms == 0


@pytest.mark.parametrize("written", [-WALL - 5_000, 253_402_300_800_000 - WALL, 1 << 60])
def test_a_file_from_another_age_tells_nothing(written: int) -> None:
    assert record(at(*BEGIN), audio(39_000, written=written)).durations.total_ms == 1_000
    assert record((), audio(39_000, written=written)).ended_at == ""


def test_the_latest_of_several_parts_counts() -> None:
    made = record(
        at(*BEGIN, (90_000, LOST)), audio(9_000, written=10_000), audio(9_000, 2, written=20_000)
    )
    assert made.durations.total_ms == 20_000


def test_a_clock_that_was_set_shows_in_the_record_and_changes_no_duration() -> None:
    entries = at(*BEGIN, (20_000, BYE))
    back = replace(entries[-1], stamp=Stamp(WALL - 3_580_000, BOOT + 20_000))
    made = record((*entries[:-1], back))
    assert (made.durations.total_ms, made.durations.wall_ms) == (20_000, -3_580_000)
    assert made.durations.connected_ms == 19_000


def test_over_a_restart_of_the_host_durations_are_sums_of_steps() -> None:
    """Its monotonic clock began again, and has not come as far yet, or farther."""
    before = at(*BEGIN, (30_000, PauseStarted("agent")))
    for boot in (10, BOOT + 100):
        after = (
            Stamped(Stamp(WALL + 90_000, 5), TakenUp("followed")),
            Stamped(Stamp(WALL + 95_000, 5_005), PauseHeld("masked")),
            Stamped(Stamp(WALL + 95_000 + boot, 5_005 + boot), BYE),
        )
        made = record((*before, *after))
        assert made.durations.total_ms == 95_000 + boot
        assert made.durations.connected_ms == 94_000 + boot
        assert [step.ms for step in made.steps][-3:] == [90_000, 95_000, 95_000 + boot]
        assert made.taken_up == 1


def test_how_often_it_was_taken_up() -> None:
    taken = ((2_000, TakenUp("followed")), (3_000, TakenUp("handed-back")))
    made = record(at(*BEGIN, *taken, (9_000, BYE)))
    assert made.taken_up == 2
    assert [step.detail for step in made.steps if step.what == "taken-up"] == [
        "followed", "handed-back",
    ]  # fmt: skip
    assert record(at(*BEGIN)).taken_up == 0


# ---- the time line ----


def test_the_end_that_nobody_saw_is_no_anchor() -> None:
    told = (
        *BEGIN, (20_000, PauseStarted("agent")), (20_020, PauseHeld("masked")), (90_000, LOST)
    )  # fmt: skip
    line = timeline(at(*told), (1,), WALL + 40_000)
    [part], [span] = line.parts, line.spans
    assert (part.length_ms, part.end_known) == (39_000, False)
    assert (span.begin_ms, span.expected_ms, span.to_end) == (19_000, None, True)
    assert line.pauses[0].until_wall_ms == WALL + 40_000


def test_the_host_died_with_the_call() -> None:
    """It was joined until then, and not only until the last thing happened."""
    told = (*at(*BEGIN), Stamped(Stamp(WALL + 600_000, 30), LOST))
    line = timeline(told, (1,), WALL + 40_000)
    assert line.joined_ms == 39_000
    assert line.parts == (PartLine(1, 0, 39_000, False, True),)
    made = record(told, audio(39_000, written=40_000))
    assert made.durations.total_ms == 40_000
    assert shortfall(made) == ""


# ---- a part that stopped growing ----

STALLED: tuple[tuple[int, Entry], ...] = (
    *BEGIN, (12_900, RecordingStalled(ONE, TWO)), (12_910, RecordingIntended(TWO)),
    (13_000, RecordingStopped(ONE, "uri-failure", 12_000)), (13_100, RecordingStarted(TWO)),
)  # fmt: skip
"""The disk was full after 6.4 s; FreeSWITCH claims 12 s."""


def test_a_full_disk_and_a_further_part_in_the_fallback() -> None:
    told = (*STALLED, (33_100, BYE), (33_110, RecordingStopped(TWO, "", 20_000)))
    made = record(at(*told), audio(6_400), audio(20_000, 2))
    sound = made.recording
    assert [(part.path, part.offset_ms) for part in sound.parts] == [
        (f"new/{CALL}.wav", 0),
        (f"new/{CALL}.2.wav", 12_100),
    ]
    assert (sound.duration_ms, sound.switch_ms, sound.missing_ms) == (26_400, 32_000, 5_600)
    assert sound.detail == "part 1 stopped growing while people spoke"
    assert shortfall(made) == "short"
    assert sound.cause == ""
    assert ("recording-stalled", "") in [(step.what, step.detail) for step in made.steps]


def test_a_part_that_stalled_and_was_never_said_to_stop() -> None:
    told = [each for each in STALLED if not isinstance(each[1], RecordingStopped)]
    entries = at(*told, (33_100, BYE), (33_110, RecordingStopped(TWO, "", 20_000)))
    line = timeline(entries, (1, 2))
    assert line.parts == (
        PartLine(1, 0, 11_900, False, True),
        PartLine(2, 12_100, 20_000, True, True),
    )
    made = record(entries, audio(6_400), audio(20_000, 2))
    assert (made.recording.switch_ms, made.recording.missing_ms) == (20_000, 5_500)
    assert shortfall(made) == "short"


def test_a_stall_without_room_for_a_further_part() -> None:
    told = (*BEGIN, (12_900, RecordingStalled(ONE, "")), (33_100, BYE))
    made = record(at(*told), audio(6_400))
    assert made.recording.missing_ms == 25_700, "it may have gone on, and nobody saw it grow"
    assert made.recording.detail == "the file stopped growing while people spoke"
    assert shortfall(made) == "short"
    assert made.steps[-2][:2] == ("recording-stalled", "no room")


def test_a_pause_in_a_part_that_stalled_has_its_place_by_the_beginning() -> None:
    """Its end is no anchor: what is missing is missing there."""
    told = [each for each in STALLED if not isinstance(each[1], RecordingStopped)]
    pause = ((4_000, PauseStarted("agent")), (4_020, PauseHeld("masked")))
    entries = at(*told[:4], *pause, *told[4:], (33_100, BYE))
    first, second = timeline(entries, (1, 2)).spans
    assert (first.part, first.begin_ms, first.expected_ms, first.to_end) == (1, 3_000, None, True)
    assert (second.part, second.from_start, second.to_end) == (2, True, True)
