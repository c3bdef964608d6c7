"""The samples of an open recording: where it is silent, how loud it is, and making it silent.

Silent means digital silence: every sample of every channel is exactly 0 (128 where a sample is
one byte). Everything reads and writes in small pieces, so that an hour takes no more memory than
a second, and no other thread of the process waits long. Blocks; belongs in a thread.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache

from ivr.recording.audio import Audio

_PIECE = 1 << 16
_STEP = 1 << 14
"""The longest stretch that is looked at as a whole when runs of silence are sought."""
_LOUDEST = 32767
_CODES = {2: "h", 4: "i"}

Write = Callable[[int, bytes, int], int]
"""As ``os.pwrite``."""


_FEW = 1000
"""So many samples are looked at one by one quicker than all of a piece."""


@lru_cache(maxsize=64)
def _may_be_louder(peak: int) -> bytes:
    """For each high byte of a 16 bit sample 1 where such a sample can be louder than this, or 0."""
    loudest = (high * 256 + 255 if high < 128 else (256 - high) * 256 for high in range(256))
    return bytes(min(most, _LOUDEST) > peak for most in loudest)


def _marked(piece: bytes, marks: bytes, count: int) -> Iterator[bytes]:
    """The 16 bit samples of a piece that are marked with a 1."""
    at = -1
    for _ in range(count):
        at = marks.index(1, at + 1)
        yield piece[2 * at : 2 * at + 2]


class Sound:
    """An open file's samples, counted in frames: one sample of each channel."""

    __slots__ = ("_block", "_fd", "_quiet", "_start", "_width", "frames", "rate")

    def __init__(self, fd: int, audio: Audio) -> None:
        self._fd = fd
        self._start = audio.start
        self._width = audio.width
        self._block = audio.channels * audio.width
        self._quiet = (b"\x80" if audio.width == 1 else b"\0") * _PIECE
        self.frames = audio.frames
        self.rate = audio.rate

    def at(self, ms: int) -> int:
        """The frame at a moment, rounded down and not checked against the file's ends."""
        return ms * self.rate // 1000

    def up_to(self, ms: int) -> int:
        """The frame at a moment, rounded up."""
        return -(-ms * self.rate // 1000)

    def within(self, frame: int) -> int:
        """The frame, or the nearest end of the file."""
        return max(0, min(frame, self.frames))

    def _pieces(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Offset in the file and bytes of each piece between two frames. Raises OSError."""
        at, last = self._start + begin * self._block, self._start + end * self._block
        # Whole frames a piece, so that a sample never lies in two.
        most = _PIECE - _PIECE % self._block
        while at < last:
            piece = os.pread(self._fd, min(most, last - at), at)
            if not piece:
                return  # cut off since its length was read
            yield at, piece
            at += len(piece)

    def _is_quiet(self, piece: bytes) -> bool:
        return self._quiet.startswith(piece)

    def peak(self, begin: int, end: int) -> int:
        """The loudest sample between two frames, 0 to 32767 whatever the file's width, and never
        0 where one of them is not silence. Raises OSError."""
        peak = 0
        for _at, piece in self._pieces(self.within(begin), self.within(end)):
            if not self._is_quiet(piece):
                peak = max(peak, self._loudest(piece, peak))
        return peak

    def _loudest(self, piece: bytes, least: int) -> int:
        """The peak of a piece that is not silent; may be too low where it is below ``least``."""
        width = self._width
        piece = piece[: len(piece) // width * width]
        if width == 1:
            return max(1, max(max(piece) - 128, 128 - min(piece)) * 256 - 1)
        if width == 3:
            # The upper two bytes of each sample; the lowest cannot be heard beside them.
            upper = bytearray(len(piece) // 3 * 2)
            upper[::2], upper[1::2] = piece[1::3], piece[2::3]
            piece, width = bytes(upper), 2
        if width == 2:
            loud = piece[1::2].translate(_may_be_louder(least))
            if (count := loud.count(1)) < _FEW:
                piece = b"".join(_marked(piece, loud, count))
        samples = array(_CODES[width], piece)
        if sys.byteorder == "big":
            samples.byteswap()
        if not samples:
            return 0
        loudest = max(max(samples), -min(samples)) >> (16 if width == 4 else 0)
        return max(1, min(loudest, _LOUDEST))

    def runs(self, begin: int, end: int, least: int) -> Iterator[tuple[int, int]]:
        """Where it is silent for at least so many frames, between two frames, in order.

        A run that goes on beyond ``begin`` or ``end`` is cut there. Raises OSError.
        """
        block = self._block
        begin, end, least = self.within(begin), self.within(end), max(1, least)
        # Any run that is long enough holds one whole step, wherever it begins.
        step = max(1, min(least // 2, _STEP // block))
        probe = self._quiet[: step * block]
        at = begin
        while at < end:
            hit = self._probe(at, end, probe)
            if hit < 0:
                return
            first, last = self._back(hit, begin), self._forward(hit, end)
            if last - first >= least:
                yield first, last
            at = max(last, hit + 1)
            begin = at

    def whole(self, run: tuple[int, int]) -> tuple[int, int]:
        """All of a run of silence that :meth:`runs` cut. Raises OSError."""
        return self._back(run[0], 0), self._forward(run[1], self.frames)

    def _probe(self, begin: int, end: int, probe: bytes) -> int:
        """The first step from ``begin`` on that is silent; shorter at the end; or -1."""
        size = len(probe)
        for at, piece in self._whole_steps(begin, end, size):
            for offset in range(0, len(piece), size):
                if piece.startswith(probe[: len(piece) - offset], offset):
                    return (at + offset - self._start) // self._block
        return -1

    def _whole_steps(self, begin: int, end: int, size: int) -> Iterator[tuple[int, bytes]]:
        at, last = self._start + begin * self._block, self._start + end * self._block
        most = max(size, _PIECE - _PIECE % size)
        while at < last:
            piece = os.pread(self._fd, min(most, last - at), at)
            if not piece:
                return
            yield at, piece
            at += len(piece)

    def _forward(self, frame: int, end: int) -> int:
        """Where the silence that a frame lies in ends."""
        quiet = self._quiet[:1]
        for at, piece in self._pieces(frame, end):
            if not self._is_quiet(piece):
                ends = at + len(piece) - len(piece.lstrip(quiet))
                return (ends - self._start) // self._block
        return end

    def _back(self, frame: int, begin: int) -> int:
        """Where it begins."""
        quiet = self._quiet[:1]
        while frame > begin:
            count = min(frame - begin, _PIECE // self._block)
            before = (frame - count) * self._block + self._start
            piece = os.pread(self._fd, count * self._block, before)
            if not self._is_quiet(piece):
                begins = before + len(piece.rstrip(quiet))
                return -(-(begins - self._start) // self._block)
            frame -= count
        return begin

    def silence(self, begin: int, end: int, write: Write = os.pwrite) -> None:
        """Make all between two frames silent, in place; what is silent is not written.

        Not synced. Raises OSError.
        """
        for at, piece in self._pieces(self.within(begin), self.within(end)):
            if self._is_quiet(piece):
                continue
            done = 0
            while done < len(piece):
                done += write(self._fd, self._quiet[: len(piece) - done], at + done)
