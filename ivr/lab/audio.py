"""What is heard on a line, made only when somebody records it.

A *line* is one direction of a leg's audio and carries one *source* at a time. A source
gives the samples of any stretch of time on request, so a call that nobody records costs
nothing, and a recording costs slices of tables that were made once.
"""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

_LOUD = 9000
"""Peak of a voice; full scale is 32767."""

DTMF_HZ = {
    key: (low, high)
    for low, row in ((697, "123A"), (770, "456B"), (852, "789C"), (941, "*0#D"))
    for key, high in zip(row, (1209, 1336, 1477, 1633), strict=True)
}
"""The two tones of each key."""

RINGING_HZ = (400, 450)
"""British ring back."""


class Source(Protocol):
    """Something that can be heard."""

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """``count`` samples from sample ``begin`` of the clock's time line at ``rate``."""


def samples_at(ms: int, rate: int) -> int:
    """Where a moment lies on the time line of samples."""
    return ms * rate // 1000


class Silence:
    """Nothing."""

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`."""
        return array("h", bytes(2 * count))


SILENCE = Silence()


class Tone:
    """One or two sine tones without end; whole hertz, so that a second of them repeats."""

    __slots__ = ("_hz",)

    def __init__(self, *hz: int) -> None:
        self._hz = hz

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`."""
        return _repeat(_second_of(self._hz, rate), begin, count)


class RingBack:
    """The ringing that a waiting caller hears: twice 0.4 s, then two seconds of quiet."""

    __slots__ = ("_start_ms",)

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`."""
        return _repeat(_ringing(rate), begin - samples_at(self._start_ms, rate), count)


class Cadence:
    """Tones with gaps between them, again and again from a moment on; silence before it."""

    __slots__ = ("_parts", "start_ms")

    def __init__(self, parts: tuple[tuple[int, int, tuple[int, ...]], ...], start_ms: int) -> None:
        self._parts = parts
        """Of each tone: how long it sounds and is quiet then, in milliseconds, and its hertz."""
        self.start_ms = start_ms
        """See :class:`Clip`."""

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`."""
        first = begin - samples_at(self.start_ms, rate)
        lead = array("h", bytes(2 * min(count, max(0, -first))))
        round_ = _round_of(self._parts, rate)
        if round_ and len(lead) < count:
            lead.extend(_repeat(round_, max(0, first), count - len(lead)))
        lead.frombytes(bytes(2 * (count - len(lead))))
        return lead


class Clip:
    """A stretch of samples that starts at a moment; silence before and after it."""

    __slots__ = ("_rate", "data", "start_ms")

    def __init__(self, data: array[int], rate: int, start_ms: int) -> None:
        self.data = data
        self._rate = rate
        self.start_ms = start_ms
        """When its first sample is heard; moved when something else was played meanwhile."""

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`."""
        data = _at_rate(self.data, self._rate, rate)
        first = begin - samples_at(self.start_ms, rate)
        heard = data[max(0, first) : max(0, first + count)]
        lead = array("h", bytes(2 * min(count, max(0, -first))))
        lead.extend(heard)
        lead.frombytes(bytes(2 * (count - len(lead))))
        return lead


class Mix:
    """Several at once, as a telephone mixes the voices of a conference."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Source) -> None:
        self.parts = parts

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`."""
        heard = [part.samples(begin, count, rate) for part in self.parts]
        return array("h", (max(-32768, min(32767, sum(one))) for one in zip(*heard, strict=True)))


class Line:
    """One direction of a leg's audio."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now_ms = now
        """The clock of its leg."""
        self._source: Source = SILENCE
        self._followers: list[Line] = []
        self.taps: list[Callable[[int], None]] = []
        """Called with the time before the source changes: write down what was heard."""

    @property
    def source(self) -> Source:
        """What is heard at this moment."""
        return self._source

    def change(self, source: Source) -> None:
        """From now on ``source`` is heard."""
        self.about_to_change()
        self._unfollow()
        self._source = source
        for line in self._lines():
            line._followers.append(self)

    def about_to_change(self) -> None:
        """Have everyone who writes down this line do so up to this moment."""
        now = self.now_ms()
        for tap in self.taps:
            tap(now)
        for follower in self._followers:
            follower.about_to_change()

    def samples(self, begin: int, count: int, rate: int) -> array[int]:
        """See :class:`Source`: a line can be what another line carries."""
        return self._source.samples(begin, count, rate)

    def _unfollow(self) -> None:
        for line in self._lines():
            line._followers.remove(self)

    def _lines(self) -> list[Line]:
        parts = self._source.parts if isinstance(self._source, Mix) else (self._source,)
        return [part for part in parts if isinstance(part, Line)]


def _repeat(table: array[int], begin: int, count: int) -> array[int]:
    size = len(table)
    offset = begin % size
    out = table[offset : offset + count]
    while len(out) < count:
        out.extend(table[: count - len(out)])
    return out


@lru_cache(maxsize=64)
def _second_of(hz: tuple[int, ...], rate: int) -> array[int]:
    peak = _LOUD / len(hz)
    turn = 2 * math.pi / rate
    return array("h", (round(sum(peak * math.sin(turn * f * n) for f in hz)) for n in range(rate)))


@lru_cache(maxsize=4)
def _ringing(rate: int) -> array[int]:
    tone = _second_of(RINGING_HZ, rate)
    burst, gap = tone[: rate * 2 // 5], array("h", bytes(2 * (rate // 5)))
    return burst + gap + burst + array("h", bytes(4 * rate))


@lru_cache(maxsize=64)
def _round_of(parts: tuple[tuple[int, int, tuple[int, ...]], ...], rate: int) -> array[int]:
    round_ = array("h")
    for on, off, hz in parts:
        round_.extend(_repeat(_second_of(hz, rate), 0, samples_at(on, rate)))
        round_.frombytes(bytes(2 * samples_at(off, rate)))
    return round_


def _at_rate(data: array[int], have: int, want: int) -> array[int]:
    """Halve or double the rate; near enough for an ear that looks for tones."""
    if have == want:
        return data
    if have == 2 * want:
        return data[::2]
    if want == 2 * have:
        out = array("h", bytes(4 * len(data)))
        out[::2] = data
        out[1::2] = data
        return out
    step = have / want
    return array("h", (data[int(n * step)] for n in range(int(len(data) / step))))


@lru_cache(maxsize=64)
def load_wav(path: str, mtime_ns: int, rate: int) -> array[int]:
    """The first channel of a 16 bit WAV file at ``rate``.

    Raises:
        wave.Error, EOFError, OSError: it is no such file.
    """
    with wave.open(path, "rb") as file:
        if file.getsampwidth() != 2:
            raise wave.Error("not 16 bits a sample")
        data = array("h", file.readframes(file.getnframes()))
        return _at_rate(data[:: file.getnchannels()], file.getframerate(), rate)
