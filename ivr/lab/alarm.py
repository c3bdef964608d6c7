"""Waiting for a time or for something to happen, whichever comes first."""

from __future__ import annotations

from gevent.event import Event

from ivr.clock import Clock


class Alarm:
    """One greenlet waits on it; anyone rings it."""

    __slots__ = ("_clock", "_event")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = Event()

    def ring(self) -> None:
        """Wake who waits, or let the next wait return at once."""
        self._event.set()

    def wait(self, until_ms: int | None) -> None:
        """Wait for a ring, at most until a moment of the monotonic clock."""
        timer = None
        if until_ms is not None:
            delay = until_ms - self._clock.monotonic_ms()
            if delay <= 0:
                self._event.clear()
                return
            timer = self._clock.after(delay, self._event.set)
        try:
            self._event.wait()
            self._event.clear()
        finally:
            if timer is not None:
                timer.cancel()


def sleep_until(clock: Clock, until_ms: int) -> None:
    """Wait for a moment of the monotonic clock."""
    alarm = Alarm(clock)
    while clock.monotonic_ms() < until_ms:
        alarm.wait(until_ms)
