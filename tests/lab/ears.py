"""Listening to a recording: which tones are in a stretch of a channel."""

from __future__ import annotations

import math
import struct
from array import array
from pathlib import Path


class Recording:
    """A WAV file; a header that was never finished is repaired by the file's size."""

    def __init__(self, path: Path | str) -> None:
        head = Path(path).read_bytes()[:44]
        self.riff_bytes, size = struct.unpack("<4xI32xI", head)
        _, self.channels, self.rate, _, frame = struct.unpack("<HHIIH", head[20:34])
        self.header_frames = size // frame
        self._data = array("h", Path(path).read_bytes()[44:])
        self.frames = len(self._data) // self.channels
        self.ms = self.frames * 1000 // self.rate

    def channel(self, number: int, begin_ms: int = 0, end_ms: int | None = None) -> array:
        end = self.ms if end_ms is None else end_ms
        samples = self._data[number :: self.channels]
        return samples[begin_ms * self.rate // 1000 : end * self.rate // 1000]

    def hears(self, number: int, hz: int, begin_ms: int, end_ms: int) -> bool:
        """Whether a tone makes up a good part of what is heard on a channel."""
        samples = self.channel(number, begin_ms, end_ms)
        energy = sum(sample * sample for sample in samples)
        return bool(energy) and power(samples, hz, self.rate) > 0.3 * energy

    def silent(self, number: int, begin_ms: int, end_ms: int) -> bool:
        return not any(self.channel(number, begin_ms, end_ms))


def power(samples: array, hz: int, rate: int) -> float:
    """Goertzel: the energy of one tone in the samples, on the scale of their sum of squares."""
    turn = 2 * math.cos(2 * math.pi * hz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    found = before * before + last * last - turn * before * last
    return 2 * found / len(samples)
