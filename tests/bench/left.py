"""A spool as an engine that was killed leaves it (R22)."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from ivr.core.entries import Stamp
from ivr.storage.lines import line_of
from ivr.storage.places import Places, prepare
from tests.recording.wavs import header

from .journalled import beginning, call_id, paused

SWITCH = "3917e671-1c77-4b8d-b81b-796aa12c900f"
"""The FreeSWITCH that had the calls, and still has some."""
_SECOND = 32_000
_AGO_MS = 60_000
_SEGMENT = 8 << 20


def leave(root: Path, calls: int, held: int, on_hold: int, seconds: int = 2) -> Places:
    """Open calls with their recordings: the first ``held`` of them FreeSWITCH still has, the first
    ``on_hold`` of these are paused. The rest ended; every tenth of them was paused for a while.

    The recordings' headers say that they hold nothing (docs/freeswitch.md 20).
    """
    places = prepare(root, 0)
    noise = random.Random(7).randbytes(seconds * _SECOND)  # noise, not a secret
    silence = bytes(len(noise))
    wall, mono = time.time_ns() // 1_000_000 - _AGO_MS, time.monotonic_ns() // 1_000_000 - _AGO_MS
    lines: list[bytes] = []
    for number in range(calls):
        call, goes_on = call_id(number), number < held
        path = places.recorded(call)
        once = number < on_hold if goes_on else number % 10 == 0
        told = (*beginning(call, path, SWITCH), *(paused(not goes_on) if once else ()))
        lines += (
            line_of(call, at, entry, Stamp(wall + at * 100, mono + at * 100))
            for at, entry in enumerate(told)
        )
        Path(path).write_bytes(header(0) + (silence if once else noise))
    _write(places.journal, lines)
    os.sync()
    return places


def _write(folder: Path, lines: list[bytes]) -> None:
    """In segments, as the journal does."""
    number, part, size = 1, [], 0
    for line in lines:
        part.append(line)
        size += len(line)
        if size >= _SEGMENT or line is lines[-1]:
            (folder / f"{number:010d}.journal").write_bytes(b"".join(part))
            number, part, size = number + 1, [], 0
