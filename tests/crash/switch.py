"""A lab switch that notes what it wrote, and who was masked when: the truth of the books (R22)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ivr.clock import Clock
from ivr.lab import LabSwitch
from ivr.lab.leg import LOST, Leg

_HEADER = 44


@dataclass(slots=True)
class Written:
    """A recording that the switch made: one file from its beginning to its end."""

    path: str
    leg: str
    """The leg that it hung on."""
    copy: Path | None = None
    """As it was when it ended; None while it goes on."""
    gone: bool = False
    """Its file was not there any more when the switch ended it."""
    masked: list[tuple[int, int]] = field(default_factory=list)
    """From and to, in bytes of samples, where the switch wrote silence instead of voices."""

    @property
    def call(self) -> str:
        """The call that it is of, by its name."""
        return self.name.partition(".")[0]

    @property
    def name(self) -> str:
        """Its file's name."""
        return os.path.basename(self.path)

    def samples(self) -> bytes:
        """All that was written of it: 16 bit, two channels."""
        return b"" if self.copy is None else self.copy.read_bytes()[_HEADER:]


@dataclass(slots=True)
class Span:
    """A stretch of the switch's monotonic clock; ``end_ms`` is None while it lasts."""

    begin_ms: int
    end_ms: int | None = None


@dataclass(slots=True)
class Heard:
    """What happened to a leg."""

    bridged: list[Span] = field(default_factory=list)
    masked: list[Span] = field(default_factory=list)
    """Its recording was silence, or stopped."""
    stopped: list[Span] = field(default_factory=list)
    """It was stopped, and the call went on."""


class TruthfulSwitch(LabSwitch):
    """Keeps a copy of each recording as it was in the moment that it ended."""

    def __init__(self, clock: Clock, *, copies: Path | None = None, **named: Any) -> None:
        super().__init__(clock, **named)
        self.written: list[Written] = []
        self.heard: dict[str, Heard] = {}
        """By leg."""
        self.on_leg: Callable[[Leg], None] = lambda _leg: None
        """Told of each leg before anything happens to it."""
        self.absent: list[Span] = []
        """When there was no engine."""
        self._copies = copies
        if copies is not None:
            copies.mkdir(parents=True, exist_ok=True)
        self._going: dict[str, Written] = {}

    @property
    def recording(self) -> set[str]:
        """The paths that are being written to."""
        return set(self._going)

    def successor(self) -> Self:
        """See :meth:`ivr.lab.LabSwitch.successor`; what was written before is known to it."""
        again = super().successor()
        again.written, again.heard, again.absent = self.written, self.heard, self.absent
        again._copies = self._copies
        return again

    def engine_gone(self) -> None:
        """From now on there is no engine."""
        _begin(self.absent, self.clock.monotonic_ms())

    def engine_back(self) -> None:
        """There is one again."""
        _end(self.absent, self.clock.monotonic_ms())

    def _new_leg(self, *words: Any, **named: Any) -> Leg:
        leg = super()._new_leg(*words, **named)
        self.heard[leg.uuid] = Heard()
        leg.watchers.append(self._watch)
        self.on_leg(leg)
        return leg

    def _watch(self, name: str, leg: Leg) -> None:
        now, heard = self.clock.monotonic_ms(), self.heard[leg.uuid]
        if name == "RECORD_START":
            for path in leg.recordings:
                if path not in self._going:
                    self._going[path] = Written(path, leg.uuid)
                    self.written.append(self._going[path])
            _end(heard.masked, now)
            _end(heard.stopped, now)
        elif name == "RECORD_STOP":
            _begin(heard.stopped, now)
            for path, written in tuple(self._going.items()):
                if written.leg == leg.uuid and path not in leg.recordings:
                    self._ended(written, thrown_away=leg.true("RECORD_DISCARDED"))
            _begin(heard.masked, now)
        elif name == "RECORD_MASK":
            _begin(heard.masked, now)
            for written in self._of(leg):
                if not written.masked or written.masked[-1][1] >= 0:
                    written.masked.append((self._size(written), -1))
        elif name == "RECORD_UNMASK":
            _end(heard.masked, now)
            for written in self._of(leg):
                self._unmasked(written)
        elif name == "CHANNEL_BRIDGE":
            _begin(heard.bridged, now)
        elif name in ("CHANNEL_UNBRIDGE", "CHANNEL_HANGUP"):
            _end(heard.bridged, now)
            if name == "CHANNEL_HANGUP":
                _end(heard.stopped, now)
        elif name == LOST:
            _end(heard.bridged, now)
            for written in self._of(leg):
                self._ended(written, thrown_away=False)

    def _of(self, leg: Leg) -> list[Written]:
        return [one for one in self._going.values() if one.leg == leg.uuid]

    @staticmethod
    def _size(written: Written) -> int:
        try:
            return os.path.getsize(written.path) - _HEADER
        except FileNotFoundError:
            return 0

    def _unmasked(self, written: Written) -> None:
        if written.masked and written.masked[-1][1] < 0:
            written.masked[-1] = written.masked[-1][0], self._size(written)

    def _ended(self, written: Written, *, thrown_away: bool) -> None:
        self._unmasked(written)
        size = self._size(written)
        written.masked.append((size, size))  # it was stopped, perhaps instead of being masked
        del self._going[written.path]
        if thrown_away:  # there was not a sample in it
            return
        assert self._copies is not None
        copy = self._copies / f"{len(self.written)}.{written.name}"
        try:
            shutil.copyfile(written.path, copy)
        except FileNotFoundError:
            written.gone = True
        else:
            written.copy = copy


def _begin(spans: list[Span], now: int) -> None:
    if not spans or spans[-1].end_ms is not None:
        spans.append(Span(now))


def _end(spans: list[Span], now: int) -> None:
    if spans and spans[-1].end_ms is None:
        spans[-1].end_ms = now


def overlap(some: Iterable[Span], others: Sequence[Span]) -> int:
    """For how long both last, in milliseconds."""
    return sum(
        max(0, min(one.end_ms, other.end_ms) - max(one.begin_ms, other.begin_ms))
        for one in some
        for other in others
        if one.end_ms is not None and other.end_ms is not None
    )
