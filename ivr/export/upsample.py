"""More samples a second, by a whole factor, with nothing added above the old band.

Band-limited interpolation: a zero is put between each two samples, and a low-pass filter (a sinc
under a Kaiser window) puts in their place what the samples about them say. Every sample that was
there stays as it was, and silence stays silence to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.int32]
"""Frames by channels; full scale is that of 32 bits."""

_REACH = 24
"""So many old samples on each side say what a new one is."""
_BETA = 8.0
"""Of the Kaiser window: what is above the old band comes out at -80 dB."""
_FULL = float(np.iinfo(np.int32).max)


class Upsampler:
    """One stream of blocks, made longer by ``factor``; :meth:`rest` has the last of it."""

    def __init__(self, factor: int, channels: int) -> None:
        self._factor = factor
        self._before: npt.NDArray[np.float64] = np.zeros((_REACH, channels))
        self._phases = _phases(factor)

    def take(self, block: Block) -> Block:
        """What the block makes of the stream so far; later by ``_REACH`` old samples."""
        if self._factor == 1:
            return block
        heard = np.concatenate([self._before, block.astype(np.float64)])
        ready = len(heard) - 2 * _REACH
        if ready <= 0:
            self._before = heard
            return np.zeros((0, heard.shape[1]), np.int32)
        self._before = heard[ready:]
        made = np.empty((ready * self._factor, heard.shape[1]))
        made[:: self._factor] = heard[_REACH : _REACH + ready]
        for phase, taps in enumerate(self._phases, 1):
            for channel in range(heard.shape[1]):
                found = np.convolve(heard[:, channel], taps, "valid")
                made[phase :: self._factor, channel] = found[1 : ready + 1]
        rounded: Block = np.clip(np.rint(made), -_FULL, _FULL).astype(np.int32)
        return rounded

    def rest(self) -> Block:
        """The end of the stream, which nothing follows."""
        return self.take(np.zeros((_REACH, self._before.shape[1]), np.int32))


def _phases(factor: int) -> list[npt.NDArray[np.float64]]:
    """The filter, one list of taps for each of the new samples between two old ones."""
    window: npt.NDArray[Any] = np.kaiser(2 * _REACH * factor + 1, _BETA)
    places = np.arange(-_REACH * factor, _REACH * factor + 1)
    taps = np.sinc(places / factor) * window
    # Sample i*factor + phase lies phase/factor after old sample i: taps[phase], taps[phase +
    # factor], … weigh the old samples from the latest to the earliest.
    return [taps[phase::factor][: 2 * _REACH] for phase in range(1, factor)]
