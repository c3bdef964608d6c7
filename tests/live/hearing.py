"""What was heard at a telephone: tones by their pitch (Goertzel's way, by numpy)."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

_FRAME_MS, _HOP_MS = 100, 10
_STUMBLE_MS = 600
_LOUD = 0.08
"""Of full scale; voices and tones are at 0.3."""


class Heard:
    """A file in which FreeSWITCH keeps what a telephone hears, on the left."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def times(self, hz: int) -> int:
        """How many times a tone of this pitch was heard: what FreeSWITCH stumbles over, when the
        host has other things to do, is one."""
        begun = self.tones(hz)
        return len(begun) and 1 + int(np.sum(np.diff(begun) > _STUMBLE_MS))

    def tones(self, hz: int) -> list[int]:
        """When a tone of this pitch began, in milliseconds, each time it was heard for 0.1 s."""
        with wave.open(str(self.path)) as file:
            rate, channels = file.getframerate(), file.getnchannels()
            data = file.readframes(file.getnframes())
        samples = np.frombuffer(data, "<i2").reshape(-1, channels)[:, 0] / 32768
        size, hop = rate * _FRAME_MS // 1000, rate * _HOP_MS // 1000
        window = np.hanning(size)
        turns = np.exp(-2j * np.pi * hz * np.arange(size) / rate) * window * 2 / window.sum()
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
        loud = np.abs(frames @ turns) >= _LOUD
        begins = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
        return [int(at) * _HOP_MS for at in begins]
