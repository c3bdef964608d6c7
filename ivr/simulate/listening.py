"""Who can be heard when in a recording: everybody speaks at a pitch of their own (R5, R6)."""

from __future__ import annotations

import wave
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ivr.lab.expect import strength

_LEAST_MS = 100
"""How far apart the moments are that are listened to, at least."""
_MOST = 600
"""So many moments are listened to, at most."""
_PIECE_MS = 50
"""In it pitches that are 20 Hz apart, or multiples of that, do not disturb each other."""
_LOUD = 1000
"""Of 32767: what is less is not heard."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of a recording in which the same people are heard."""

    begin_ms: int
    end_ms: int
    left: tuple[str, ...]
    right: tuple[str, ...]

    def __str__(self) -> str:
        sides = (("left", self.left), ("right", self.right))
        text = "; ".join(f"{side}: {', '.join(who)}" for side, who in sides if who)
        return f"{self.begin_ms / 1000:.1f} to {self.end_ms / 1000:.1f} s  {text or 'silence'}"


def listen(path: Path, pitches: Mapping[str, int], spots: Iterable[int] = ()) -> list[Heard]:
    """Who is heard in a stereo recording, stretch by stretch, by the pitch of each.

    Where one stretch ends and the next begins is exact to a tenth of a second. Of long recordings
    what is shorter than a six hundredth of them may be missed, but at ``spots``, in milliseconds.
    Raises OSError, wave.Error or EOFError where it cannot be read.
    """
    with wave.open(str(path), "rb") as file:
        ear = _Ear(file, pitches)
        moments = sorted({*_moments(ear.whole_ms), *(ms for ms in spots if ms < ear.last_ms)})
        found: list[Heard] = []
        before = 0
        for moment in moments:
            left, right = ear.at(moment)
            if not found:
                found.append(Heard(0, ear.whole_ms, left, right))
            last = found[-1]
            if (last.left, last.right) != (left, right):
                begin = ear.change(before, moment)
                found[-1] = replace(last, end_ms=begin)
                found.append(Heard(begin, ear.whole_ms, left, right))
            before = moment
    return found


class _Ear:
    """Listens to moments of a recording."""

    def __init__(self, file: wave.Wave_read, pitches: Mapping[str, int]) -> None:
        self._file = file
        self._pitches = pitches
        self._rate, self._frames = file.getframerate(), file.getnframes()
        self.whole_ms = self._frames * 1000 // self._rate
        self.last_ms = max(1, self.whole_ms - _PIECE_MS)
        """Before it a moment begins that can be listened to."""

    def at(self, ms: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Who is heard on the left and on the right."""
        self._file.setpos(min(self._frames, ms * self._rate // 1000))
        piece = array("h", self._file.readframes(_PIECE_MS * self._rate // 1000))
        channels = self._file.getnchannels()
        left, right, *_ = (*(piece[n::channels] for n in range(channels)), array("h"))
        return self._voices(left), self._voices(right)

    def change(self, before: int, after: int) -> int:
        """When it became what it is after, which it was not before."""
        there = self.at(after)
        while after - before > _LEAST_MS:
            middle = (before + after) // 2
            before, after = (before, middle) if self.at(middle) == there else (middle, after)
        return after

    def _voices(self, samples: array[int]) -> tuple[str, ...]:
        if not any(samples):
            return ()
        heard = (
            who for who, hz in self._pitches.items() if strength(samples, self._rate, hz) > _LOUD
        )
        return tuple(heard)


def _moments(whole_ms: int) -> Iterator[int]:
    last = max(1, whole_ms - _PIECE_MS)
    yield from range(0, last, max(_LEAST_MS, whole_ms // _MOST))
