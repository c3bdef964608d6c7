"""A call that was paused: its entries and its audio."""

from __future__ import annotations

import os
from pathlib import Path

from ivr.core.entries import (
    Connected,
    Entry,
    HungUp,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseStarted,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
)
from ivr.storage.filing import Filed, Filing, file_batch
from ivr.storage.places import Places
from tests.recording.wavs import talk
from tests.storage.bench import MAKER
from tests.storage.parts import ARRIVED, CALL, WALL, Trace

ONE, TWO = f"/s/recording/{CALL}.wav", f"/s/recording/{CALL}.2.wav"
HELD = 10_000
"""The peak of speech in these files."""


def at(*told: tuple[int, Entry]) -> tuple[Stamped, ...]:
    return tuple(Stamped(Stamp(WALL + ms, 1000 + ms), entry) for ms, entry in told)


BEGIN = (
    (0, ARRIVED), (10, RecordingIntended(ONE)), (20, RecordingStarted(ONE)),
    (1_000, Connected("b")),
)  # fmt: skip
END = (9_000, HungUp("caller", "NORMAL_CLEARING", 16))

PAUSED = at(
    *BEGIN, (3_000, PauseStarted("agent")), (3_020, PauseHeld("masked")),
    (5_980, PauseEnding("agent")), (6_000, PauseEnded()), END,
    (9_005, RecordingStopped(ONE, "success-silence", 8_000)),
)  # fmt: skip
"""8 s of audio, paused from 2 s to 5 s of it."""
MASKED = talk(8_000, [(2_000, 4_970)])
LEAKED = talk(8_000)

STOPPED = at(
    *BEGIN, (3_000, PauseStarted("page")), (3_030, RecordingStopped(ONE, "", 2_030)),
    (3_040, PauseHeld("stopped")), (5_980, PauseEnding("page")), (6_000, PauseEnded()),
    (6_010, RecordingIntended(TWO)), (6_400, RecordingStarted(TWO)), END,
    (9_005, RecordingStopped(TWO, "success-silence", 2_600)),
)  # fmt: skip
"""Two parts, of 2 s and 2.6 s."""
FIRST, SECOND = talk(2_030), talk(2_600)


def put(places: Places, *parts: bytes) -> None:
    """What FreeSWITCH left."""
    for number, data in enumerate(parts, 1):
        Path(places.recorded(CALL, number)).write_bytes(data)


def file(places: Places, entries: tuple[Stamped, ...], trace: Trace | None = None) -> Filed:
    [filed] = file_batch((trace or Trace()).disk(), places, MAKER, [Filing(CALL, entries)])
    return filed


def names(places: Places) -> dict[str, list[str]]:
    return {
        folder: sorted(os.listdir(places.root / folder))
        for folder in ("new", "recording", "tmp", "aside")
    }


TWICE = at(
    *BEGIN, *((begin + after, entry) for begin in (2_000, 6_000) for after, entry in (
        (0, PauseStarted("agent")), (20, PauseHeld("masked")),
        (1_480, PauseEnding("agent")), (1_500, PauseEnded()),
    )), END,
)  # fmt: skip
"""8 s of audio, paused from 1 s to 2.5 s of it, and from 5 s to 6.5 s."""
