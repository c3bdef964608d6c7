"""A recording: a WAV file that grows as FreeSWITCH's does (docs/freeswitch.md 15 to 22)."""

from __future__ import annotations

import errno
import os
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.lab.audio import Line, samples_at

HELD_BACK_MS = 40
"""The newest audio is written this much later, so an unmask reaches back over it."""

UNMASK_LAG_MS = 30
"""The zeros of a mask end this long before ``unmask`` returns (docs/freeswitch.md 16)."""

_HEADER = 44
"""Bytes before the samples. While a file is open its header says 8 and 0 bytes, as libsndfile
writes it."""

_LAST_MS = 20
"""What a dying switch has not written yet (R22)."""

_STDIO_BYTES = 65_536
"""What default buffering holds back (docs/freeswitch.md 20)."""


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What channel variables said when the recording started."""

    stereo: bool = False
    bridge_only: bool = False
    """``RECORD_BRIDGE_REQ``: no sample passes while the channel is not bridged."""
    buffered: bool = True
    """False with ``enable_file_write_buffering=false``."""
    min_seconds: int = 0
    """Shorter recordings are thrown away at the end (``RECORD_MIN_SEC``)."""
    limit_seconds: int = 0


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """How a recording ended."""

    samples: int
    """Per channel, as counted: with buffering more than the file has where the disk refused
    (docs/freeswitch.md 19, 63)."""
    rate: int
    cause: str
    """``Record-Completion-Cause``."""
    discarded: bool
    """Whether the file was thrown away, as empty or too short."""


class Recording:
    """One ``uuid_record start``, until its stop."""

    def __init__(
        self,
        path: str,
        rate: int,
        lines: tuple[Line, Line],
        bridged: Callable[[], bool],
        held: Callable[[], bool],
        now_ms: int,
        options: RecordingOptions,
        *,
        room: Callable[[str, int], int] = lambda _, size: size,
    ) -> None:
        self.path = path
        self.rate = rate
        self.options = options
        self._lines = lines
        self._bridged = bridged
        self._held = held
        self._room = room
        self._at_ms = now_ms
        self._samples = 0
        self._masked = False
        self._paused = False
        self._failed = False
        self._pending = bytearray()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o640)
        if room(path, _HEADER) < _HEADER:
            os.close(self._file)
            raise OSError(errno.ENOSPC, "No space left on device", path)
        os.write(self._file, self._header(8, 0))
        for line in lines:
            line.taps.append(self.catch_up)

    @property
    def channels(self) -> int:
        """1, or 2 with ``RECORD_STEREO``."""
        return 2 if self.options.stereo else 1

    @property
    def over_limit(self) -> bool:
        """Whether it is as long as it may get."""
        limit = self.options.limit_seconds
        return limit > 0 and self._samples >= limit * self.rate

    def mask(self) -> None:
        """Write zeros from now on."""
        self.catch_up(self._now())
        self._masked = True

    def unmask(self) -> None:
        """Write what is heard again, a moment before now."""
        self.catch_up(self._now() - UNMASK_LAG_MS)
        self._masked = False

    def pause(self) -> None:
        """Let time pass unrecorded: the file's time line stands still."""
        self.catch_up(self._now())
        self._paused = True

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self.catch_up(self._now())
        self._paused = False

    def flush(self) -> None:
        """Bring the file up to date as far as FreeSWITCH would have."""
        self.catch_up(self._now() - HELD_BACK_MS)

    def catch_up(self, until_ms: int) -> None:
        """Write down what was heard up to a moment."""
        begin, end = samples_at(self._at_ms, self.rate), samples_at(until_ms, self.rate)
        if end <= begin:
            return
        self._at_ms = until_ms
        if self._paused or self._held() or (self.options.bridge_only and not self._bridged()):
            return
        if self.options.buffered:
            self._samples += end - begin  # counted, whether the disk takes it or not (fact 19)
        if self._masked:
            self._write(bytes(2 * self.channels * (end - begin)))
        else:
            self._write(self._heard(begin, end - begin).tobytes())

    def stop(self, *, hung_up: bool) -> RecordingResult:
        """End it, at a hangup or before; an empty or too short one leaves no file.

        Also after a full disk the header is that of what the file holds: it lies where the disk
        had room. A file that somebody removed meanwhile does not come back.
        """
        self.catch_up(self._now())
        self._let_go()
        self._drain()
        size = os.fstat(self._file).st_size
        os.pwrite(self._file, self._header(size - 8, size - _HEADER), 0)
        os.close(self._file)
        cause, discarded = self._cause(hung_up)
        if discarded:
            Path(self.path).unlink(missing_ok=True)
        return RecordingResult(self._samples, self.rate, cause, discarded)

    def abandon(self) -> None:
        """The switch dies: what has not reached the disk is lost, the header stays unfinished."""
        self.catch_up(self._now() - _LAST_MS)
        self._let_go()
        os.close(self._file)

    def _let_go(self) -> None:
        for line in self._lines:
            line.taps.remove(self.catch_up)

    def _cause(self, hung_up: bool) -> tuple[str, bool]:
        if self._failed:
            return "uri-failure", False
        if not self._samples:
            return "empty-file", True
        if self._samples < self.options.min_seconds * self.rate:
            return "input-too-short", True
        return ("success-silence" if hung_up else "success-maxtime"), False

    def _now(self) -> int:
        return self._lines[0].now_ms()

    def _heard(self, begin: int, count: int) -> array[int]:
        left = self._lines[0].samples(begin, count, self.rate)
        right = self._lines[1].samples(begin, count, self.rate)
        if self.options.stereo:
            both = array("h", bytes(4 * count))
            both[::2] = left
            both[1::2] = right
            return both
        if not any(right):
            return left
        if not any(left):
            return right
        return array(
            "h", (max(-32768, min(32767, a + b)) for a, b in zip(left, right, strict=True))
        )

    def _write(self, data: bytes) -> None:
        self._pending += data
        if not self.options.buffered or len(self._pending) >= _STDIO_BYTES:
            self._drain()

    def _drain(self) -> None:
        """Write what is pending, as far as there is room; the rest is lost, and the next is
        tried again."""
        taken = self._room(self.path, len(self._pending)) if self._pending else 0
        try:
            os.write(self._file, self._pending[:taken])
        except OSError:
            taken = 0
        self._failed = self._failed or taken < len(self._pending)
        if not self.options.buffered:
            self._samples += taken // (2 * self.channels)
        self._pending.clear()

    def _header(self, whole: int, size: int) -> bytes:
        frame = 2 * self.channels
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF",
            whole,
            b"WAVE",
            b"fmt ",
            16,
            1,
            self.channels,
            self.rate,
            self.rate * frame,
            frame,
            16,
            b"data",
            size,
        )
