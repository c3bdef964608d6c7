"""A clock that tests turn by hand: time passes only when it is told to.

Engine and switch run in one process, joined by real loopback sockets. Between two
timers the clock *settles*: it lets gevent's loop run until nothing is left to do, so
that everything which can happen at this moment has happened before time moves on.
"""

from __future__ import annotations

import heapq
import socket as _socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket

from ivr.errors import IvrError

START_WALL_MS = 1_795_500_000_000
"""2026-11-24T06:00:00Z: where the wall clock stands when a :class:`TurnedClock` is made."""

START_MONOTONIC_MS = 1_000_000
"""Not nought, so that a zero kept by mistake for a time is seen."""

_QUIET_ROUNDS = 2

_GUARD_S = 0.002
"""Host's seconds after which a busy probe is asked again whatever the loop heard."""


class ClockError(IvrError):
    """Time was turned, but what was waited for did not come within the limit."""


class TurnedTimer:
    """A call that is to come when the clock is turned far enough."""

    __slots__ = ("_call", "due_ms")

    def __init__(self, due_ms: int, call: Callable[[], None]) -> None:
        self.due_ms = due_ms
        self._call: Callable[[], None] | None = call

    @property
    def live(self) -> bool:
        """Whether the call is still to be made."""
        return self._call is not None

    def cancel(self) -> None:
        """Take the call back; harmless when it was made or taken back already."""
        self._call = None

    def fire(self) -> None:
        """Make the call, once."""
        call, self._call = self._call, None
        if call is not None:
            call()


class TurnedClock:
    """A :class:`ivr.clock.Clock` whose time passes only in :meth:`run` and :meth:`run_until`."""

    def __init__(self, wall_ms: int = START_WALL_MS) -> None:
        self._now = START_MONOTONIC_MS
        self._wall_offset = wall_ms - START_MONOTONIC_MS
        self._timers: list[tuple[int, int, TurnedTimer]] = []
        self._sequence = 0
        self._barrier = _Barrier()
        self.busy_probes: list[Callable[[], bool]] = [_pool_is_busy]
        """Each says whether work is under way that the loop will hear of, such as a job
        in a thread pool; time stands still while one says so. gevent's own pool, which
        also looks up names of hosts, is watched from the start."""

    def monotonic_ms(self) -> int:
        """See :class:`ivr.clock.Clock`."""
        return self._now

    def wall_ms(self) -> int:
        """See :class:`ivr.clock.Clock`."""
        return self._now + self._wall_offset

    def after(self, ms: int, call: Callable[[], None]) -> TurnedTimer:
        """See :class:`ivr.clock.Clock`."""
        timer = TurnedTimer(self._now + max(0, int(ms)), call)
        self._sequence += 1
        heapq.heappush(self._timers, (timer.due_ms, self._sequence, timer))
        return timer

    def step_wall(self, ms: int) -> None:
        """Let the host's date jump, as an administrator or NTP does; durations do not notice."""
        self._wall_offset += ms

    def settle(self) -> None:
        """Let everything happen that can happen at this moment."""
        quiet = 0
        while quiet < _QUIET_ROUNDS:
            gevent.idle()
            if any(probe() for probe in self.busy_probes):
                _wait_for_the_loop()
                quiet = 0
                continue
            self._barrier.cross()
            gevent.idle()
            quiet += 1

    def run(self, ms: int) -> None:
        """Let ``ms`` milliseconds pass, timer by timer."""
        self._run_to(self._now + ms, None)

    def run_until(self, reached: Callable[[], bool], limit_ms: int = 600_000) -> None:
        """Let time pass until ``reached()``.

        Raises:
            ClockError: it was not reached within ``limit_ms``.
        """
        if not self._run_to(self._now + limit_ms, reached):
            raise ClockError(
                f"the clock was turned by {limit_ms} ms and {reached!r} did not come true: "
                "look at what the call was doing last"
            )

    def _run_to(self, end: int, reached: Callable[[], bool] | None) -> bool:
        self.settle()
        while True:
            if reached is not None and reached():
                return True
            due = self._next_due()
            if due is None or due > end:
                self._now = max(self._now, end)
                return False
            self._now = max(self._now, due)
            while self._timers and self._timers[0][0] <= self._now:
                heapq.heappop(self._timers)[2].fire()
            self.settle()

    def _next_due(self) -> int | None:
        while self._timers and not self._timers[0][2].live:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None


def _pool_is_busy() -> bool:
    return bool(gevent.get_hub().threadpool.task_queue.unfinished_tasks)


def _wait_for_the_loop() -> None:
    """Block until the loop has handled something that came from outside.

    The probe of a thread may say "busy" a moment after the loop heard that its job was
    done, and then nothing more comes: so the loop is not left blocked for long.
    """
    hub: Any = gevent.get_hub()
    guard = hub.loop.timer(_GUARD_S)
    guard.start(lambda: None)
    watcher = hub.loop.check()
    try:
        hub.wait(watcher)
    finally:
        watcher.close()
        guard.stop()
        guard.close()


class _Barrier:
    """A byte sent to ourselves over loopback arrives after the bytes that others sent before.

    The kernel may hand loopback segments over a moment after ``send`` returned; they wait
    in one queue, so when our byte is through, so are theirs.
    """

    def __init__(self) -> None:
        self._ends: tuple[Any, Any] | None = None

    def cross(self) -> None:
        if self._ends is None:
            self._ends = self._pair()
        near, far = self._ends
        near.send(b".")
        far.recv(1)

    @staticmethod
    def _pair() -> tuple[Any, Any]:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        listener.close()
        near.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        return near, far
