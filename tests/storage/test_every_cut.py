"""A journal that a crash cut short at any byte: all but the cut line is read, and what it tells
of pauses is silent in the recording (R6, R7, R22)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from ivr.core.entries import (
    Answered,
    Connected,
    Dialled,
    Entry,
    HungUp,
    Marked,
    OptOutReturned,
    OptOutStarted,
    Parted,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    PromptEnded,
    PromptStarted,
    RecordingIntended,
    RecordingStalled,
    RecordingStarted,
    RecordingStopped,
    Stamped,
    TakenUp,
)
from ivr.core.fold import fold
from ivr.core.timeline import timeline
from ivr.storage.journal import Journal, JournalLimits
from ivr.storage.look import verify
from ivr.storage.places import Places, prepare
from ivr.storage.segments import read
from tests.recording.wavs import is_silent, is_speech, talk
from tests.storage.parts import ARRIVED, CALL, WALL, StillClock
from tests.storage.paused import at, file


def call(one: str, two: str) -> tuple[tuple[int, Entry], ...]:
    """Caller and agent are joined from 4 s on, but for half a second of a transfer."""
    return (
        (0, ARRIVED), (10, Answered()),
        (20, PromptStarted("announcement", "1", "en", "a" * 64, 8_000, "announcement")),
        (1_000, OptOutStarted()), (1_010, PromptEnded("announcement", 990, False, False)),
        (1_020, PromptStarted("reminder", "1", "en", "b" * 64, 900, "reminder", 1)),
        (1_900, PromptEnded("reminder", 900, True, False, 1)), (2_000, OptOutReturned()),
        (2_010, PromptStarted("announcement", "1", "en", "a" * 64, 800, "announcement", 2)),
        (2_800, PromptEnded("announcement", 800, True, False, 2)),
        (2_810, RecordingIntended(one)), (3_000, Dialled("desk")), (3_020, RecordingStarted(one)),
        (4_000, Connected("b", "201")),
        (6_000, PauseStarted("agent")), (6_020, PauseHeld("masked")), (7_000, PauseOverdue()),
        (7_980, PauseEnding("agent")), (8_000, PauseEnded()), (8_500, Marked("abuse", "page")),
        (9_000, Parted()), (9_500, Connected("c", "202")),
        (10_500, PauseStarted("hold")), (10_520, PauseHeld("masked")),
        (12_000, PauseEnding("hold")), (12_020, PauseEnded()), (12_500, TakenUp("followed")),
        (13_000, RecordingStalled(one, two)), (13_010, RecordingIntended(two)),
        (13_060, RecordingStarted(two)), (13_070, RecordingStopped(one, "uri-failure", 8_570)),
        (16_000, PauseStarted("digits", 500, 2_000)), (16_020, PauseHeld("masked")),
        (17_980, PauseEnding("digits")), (18_000, PauseEnded()),
        (20_000, HungUp("caller", "NORMAL_CLEARING", 16)),
        (20_010, RecordingStopped(two, "success-silence", 6_940)),
    )  # fmt: skip


FIRST_MS, SECOND_MS = 8_000, 6_940
"""What the two files hold; of the first, the disk took no more."""
PAUSES = ((1, 2_000, 4_000), (1, 6_000, 7_520), (2, 940, 4_940))
"""The part, and from when to when in its file nothing may be heard."""
LEAKED = talk(FIRST_MS), talk(SECOND_MS)
MASKED = (
    talk(FIRST_MS, [(2_020, 3_970), (6_020, 7_490)]),
    talk(SECOND_MS, [(2_960, 4_910)]),
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0, tmp_path / "fallback")


@pytest.fixture
def told(places: Places) -> tuple[Stamped, ...]:
    return at(*call(places.recorded(CALL), places.recorded(CALL, 2, places.folders[1])))


@pytest.fixture
def segment(tmp_path: Path, told: tuple[Stamped, ...]) -> Path:
    """The call's journal, as a journal writes it."""
    folder = tmp_path / "written"
    folder.mkdir()
    journal = Journal(folder, StillClock(), JournalLimits(gather_ms=0))
    for stamped in told:
        journal.append(CALL, stamped.entry, stamped.stamp)
    assert journal.close()
    [path] = folder.iterdir()
    return path


def ends_of(data: bytes) -> list[int]:
    """Where the lines end."""
    return [number + 1 for number, byte in enumerate(data) if byte == ord("\n")]


def test_at_every_byte_only_the_cut_line_is_lost(segment: Path, told: tuple[Stamped, ...]) -> None:
    data = segment.read_bytes()
    ends = ends_of(data)
    assert len(ends) == len(told)
    assert len({type(each.entry) for each in told}) > 20
    whole = len(ends)
    for cut in range(len(data) - 1, -1, -1):
        os.truncate(segment, cut)
        while whole and ends[whole - 1] > cut:
            whole -= 1
        reading = read(segment.parent)
        entries = dict(reading).get(CALL, ())
        assert entries == told[:whole]
        torn = [] if cut in (0, *ends[:whole][-1:]) else [(whole + 1, True)]
        assert [(bad.line, bad.torn) for bad in reading.bad] == torn
        line = timeline(entries, (1, 2))
        record = fold(CALL, "host", "1", entries, UTC)
        assert len(line.pauses) == len(record.recording.pauses) == pauses_of(entries)[0]
        assert len(record.steps) == whole
        assert record.durations.total_ms == record.durations.wall_ms


def pauses_of(entries: tuple[Stamped, ...]) -> tuple[int, bool]:
    """How many pauses have begun, and whether the last one goes on."""
    begun = sum(isinstance(each.entry, PauseStarted) for each in entries)
    ended = sum(isinstance(each.entry, PauseEnded) for each in entries)
    return begun, begun > ended


def cuts(data: bytes) -> Iterator[int]:
    """Each line's end, its last byte, its middle and its first byte."""
    begin = 0
    for end in ends_of(data):
        yield from (begin + 1, (begin + end) // 2, end - 1, end)
        begin = end


@pytest.mark.parametrize("audio", [LEAKED, MASKED], ids=["leaked", "masked"])
def test_at_every_line_what_is_known_of_pauses_is_silent(
    places: Places, segment: Path, audio: tuple[bytes, bytes]
) -> None:
    """FreeSWITCH wrote the whole call, whatever the engine got to know of it."""
    data = segment.read_bytes()
    for cut in cuts(data):
        segment.write_bytes(data[:cut])
        entries = dict(read(segment.parent)).get(CALL, ())
        for part, folder in enumerate(places.folders, 1):
            path = Path(places.recorded(CALL, part, folder))
            path.write_bytes(audio[part - 1])
            os.utime(path, ns=(0, (WALL + (13_000, 20_000)[part - 1]) * 10**6))
        filed = file(places, entries)
        assert filed.record is not None, (cut, filed)
        assert filed.aside == ()
        sound = filed.record.recording
        assert (sound.state, len(sound.parts)) == ("kept", 2)
        assert sound.duration_ms == FIRST_MS + SECOND_MS
        assert [finding.verdict for finding in verify(places.root)] == ["good"], cut
        assert filed.record.durations.total_ms == (20_000 if entries else 0)
        assert_silent(places, entries, audio)
        for path in places.new.iterdir():
            path.unlink()
    assert len(entries) == len(ends_of(data))


def assert_silent(places: Places, entries: tuple[Stamped, ...], audio: tuple[bytes, bytes]) -> None:
    """All that the pauses took, and little else."""
    files = {1: Path(places.audio(CALL)), 2: Path(places.audio(CALL, 2))}
    begun, goes_on = pauses_of(entries)
    for number, (part, begin, end) in enumerate(PAUSES[:begun], 1):
        last = goes_on and number == begun
        assert is_silent(files[part], begin, FIRST_MS if last else end)
        if last and part == 1:
            assert is_silent(files[2], 0, SECOND_MS), "nobody ended it before the next part"
    if begun == 0:
        assert [path.read_bytes() for path in files.values()] == [*audio]
    # The first file lost its end to the disk: its pauses may lie that much earlier.
    assert is_speech(files[1], 0, 1_150)
    if begun > 1 or not goes_on:
        assert is_speech(files[1], 4_270, 5_150)
    if begun == 3:
        assert is_speech(files[2], 0, 400)
        assert goes_on or is_speech(files[2], 5_500, SECOND_MS)
    elif not goes_on:
        assert files[2].read_bytes() == audio[1]
