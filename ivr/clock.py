"""Time as an argument: what reads the clock takes a :class:`Clock`.

Durations come from the monotonic clock, dates from the wall clock (R22). The real
clock is gevent's loop; the lab's is turned by hand (``ivr.lab.clock``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Take the call back; harmless when it was made or taken back already."""


class Clock(Protocol):
    """Reads time and calls back later."""

    def monotonic_ms(self) -> int:
        """Milliseconds since some fixed moment; never goes back."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z, as the host believes."""

    def after(self, ms: int, call: Callable[[], None]) -> Timer:
        """Have ``call`` made on the hub's thread in ``ms`` milliseconds; it must not block."""


class _LoopTimer:
    """A libev timer that is closed when it fires or is cancelled."""

    __slots__ = ("_call", "_watcher")

    def __init__(self, watcher: Any, call: Callable[[], None]) -> None:
        self._watcher = watcher
        self._call = call
        watcher.start(self._fire)

    def _fire(self) -> None:
        call = self._call
        self.cancel()
        call()

    def cancel(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()


class RealClock:
    """The host's clocks and gevent's loop."""

    def monotonic_ms(self) -> int:
        """See :class:`Clock`."""
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        """See :class:`Clock`."""
        return time.time_ns() // 1_000_000

    def after(self, ms: int, call: Callable[[], None]) -> Timer:
        """See :class:`Clock`."""
        return _LoopTimer(gevent.get_hub().loop.timer(ms / 1000), call)
