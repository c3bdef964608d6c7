"""Notices when somebody sets the host's wall clock (R22).

Durations come from the monotonic clock and are not touched by it; the times in records are what
the host believed. Each record has its length by both clocks, which then differ.
"""

from __future__ import annotations

import structlog

from ivr.clock import Clock, Timer
from ivr.metrics import Metrics

log = structlog.get_logger(__name__)

LOOK_MS = 5_000
JUMP_MS = 1_000
"""What a clock that is only steered does not drift in such a time."""


class WallClock:
    """Compares the two clocks until :meth:`stop`."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._apart_ms = 0
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin to compare."""
        self._apart_ms = self._apart()
        self._timer = self._clock.after(LOOK_MS, self._look)

    def stop(self) -> None:
        """Compare no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _apart(self) -> int:
        return self._clock.wall_ms() - self._clock.monotonic_ms()

    def _look(self) -> None:
        apart = self._apart()
        jump_ms, self._apart_ms = apart - self._apart_ms, apart
        if abs(jump_ms) >= JUMP_MS:
            self._metrics.clock_jumps.inc()
            log.warning("the wall clock was set", by_ms=jump_ms)
        self._timer = self._clock.after(LOOK_MS, self._look)
