"""A clock that stands still until turned, a disk that fails on demand, and a call's entries."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import gevent
from gevent.event import Event

from ivr.core.entries import (
    Answered,
    Arrived,
    Connected,
    Entry,
    HungUp,
    PromptEnded,
    PromptStarted,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
)
from ivr.storage.atomic import REAL, Disk

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
OTHER = "00000000-ceea-467f-a0e6-1b2c3d4e5f61"
WALL = 1_714_555_800_250


def call_id(number: int) -> str:
    return f"{number:08x}-ceea-467f-a0e6-1b2c3d4e5f60"


class _Timer:
    def __init__(self, at: int, call: Callable[[], None]) -> None:
        self.at = at
        self.call = call
        self.live = True

    def cancel(self) -> None:
        self.live = False


class StillClock:
    """Time passes when :meth:`turn` says so."""

    def __init__(self) -> None:
        self.now = 1000
        self.timers: list[_Timer] = []

    def monotonic_ms(self) -> int:
        return self.now

    def wall_ms(self) -> int:
        return WALL + self.now

    def after(self, ms: int, call: Callable[[], None]) -> _Timer:
        timer = _Timer(self.now + ms, call)
        self.timers.append(timer)
        return timer

    def turn(self, ms: int) -> None:
        self.now += ms
        due = [timer for timer in self.timers if timer.at <= self.now]
        self.timers = [timer for timer in self.timers if timer.at > self.now]
        for timer in due:
            if timer.live:
                timer.call()


@dataclass
class Trace:
    """Every call of the disk in order, and which of them are to fail."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    """Name of the call, or ``name:end of the path``, to errno."""
    short: int = 0
    """The most bytes that one write takes; 0 for no limit."""
    paths: dict[int, str] = field(default_factory=dict)

    def disk(self) -> Disk:
        """A disk whose calls are traced."""
        names = [each.name for each in fields(Disk)]
        return Disk(**{name: self._traced(name, getattr(REAL, name)) for name in names})

    def _traced(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(first: Any, *rest: Any) -> Any:
            path = first if isinstance(first, str) else self.paths.get(first, "?")
            target = rest[0] if name == "rename" else path
            shown = "/".join(target.split("/")[-2:])
            for rule, number in self.failing.items():
                wanted, _colon, end = rule.partition(":")
                if wanted == name and target.endswith(end):
                    self.calls.append((name, f"{shown} !"))
                    if name == "write" and self.short:
                        real(first, rest[0][: self.short])
                    raise OSError(number, os.strerror(number), target)
            if name == "write" and self.short:
                rest = (rest[0][: self.short],)
            self.calls.append((name, shown))
            result = real(first, *rest)
            if name == "open":
                self.paths[result] = first
            return result

        return call


ENOSPC = errno.ENOSPC
EIO = errno.EIO


def wait(event: Event) -> None:
    """Wait for what has to come; a test that hangs here would have failed."""
    assert event.wait(5), "nothing came"


def settle() -> None:
    """Let callbacks that are due run, and threads come to their turn meanwhile: whoever calls this
    until something comes would keep the interpreter from them."""
    for _ in range(5):
        gevent.sleep(0)
    gevent.sleep(0.001)


def wav(frames: int = 800, channels: int = 2, said: int | None = None) -> bytes:
    """A recording as FreeSWITCH writes it; ``said`` is what its header claims instead."""
    data = b"".join(struct.pack("<h", n % 3000) * channels for n in range(frames))
    length = len(data) if said is None else said
    block = 2 * channels
    return (
        struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + length, b"WAVE", b"fmt ", 16, 1, channels,
                    8000, 8000 * block, block, 16)
        + struct.pack("<4sI", b"data", length)
        + data
    )  # fmt: skip


def stamped(*entries: Entry) -> tuple[Stamped, ...]:
    return tuple(
        Stamped(Stamp(WALL + 1000 * n, 1000 + 1000 * n), entry) for n, entry in enumerate(entries)
    )


ARRIVED = Arrived("0300", "07700900123", "Jo", "inbound", "benefits", "main", "en", "1", "c", "d")


def whole_call(path: str = "/x.wav") -> tuple[Stamped, ...]:
    """Entries of a call that was connected and recorded."""
    return stamped(
        ARRIVED,
        Answered(),
        PromptStarted("announcement", "1", "en", "a" * 64, 8000, "announcement"),
        PromptEnded("announcement", 8000, True, False),
        RecordingIntended(path),
        RecordingStarted(path),
        Connected("b-leg"),
        RecordingStopped(path, "success-silence", 100),
        HungUp("caller", "NORMAL_CLEARING", 16),
    )


def unconnected_call(path: str = "/x.wav") -> tuple[Stamped, ...]:
    """Entries of a call that hung up before it was connected."""
    return stamped(ARRIVED, RecordingIntended(path), HungUp("caller", "ORIGINATOR_CANCEL", 0))
