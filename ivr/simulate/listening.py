"""Who can be heard when in a recording: everybody speaks at a pitch of their own (R5, R6)."""

from __future__ import annotations

import wave
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


def listen(path: Path, pitches: Mapping[str, int]) -> list[Heard]:
    """Who is heard in a stereo recording, stretch by stretch, by the pitch of each.

    Exact to a tenth of a second, in recordings that are longer than a minute to a six hundredth of
    them. Raises OSError, wave.Error or EOFError where it cannot be read.
    """
    with wave.open(str(path), "rb") as file:
        rate, frames, channels = file.getframerate(), file.getnframes(), file.getnchannels()
        whole_ms = frames * 1000 // rate
        found: list[Heard] = []
        for begin in _moments(whole_ms):
            file.setpos(min(frames, begin * rate // 1000))
            piece = array("h", file.readframes(_PIECE_MS * rate // 1000))
            sides = [_voices(piece[n::channels], rate, pitches) for n in range(min(2, channels))]
            left, right = (*sides, ())[:2]
            if found and (found[-1].left, found[-1].right) == (left, right):
                begin = found.pop().begin_ms
            elif found:
                last = found.pop()
                found.append(Heard(last.begin_ms, begin, last.left, last.right))
            found.append(Heard(begin, whole_ms, left, right))
    return found


def _moments(whole_ms: int) -> Iterator[int]:
    last = max(1, whole_ms - _PIECE_MS)
    yield from range(0, last, max(_LEAST_MS, whole_ms // _MOST))


def _voices(samples: array[int], rate: int, pitches: Mapping[str, int]) -> tuple[str, ...]:
    if not any(samples):
        return ()
    return tuple(who for who, hz in pitches.items() if strength(samples, rate, hz) > _LOUD)
