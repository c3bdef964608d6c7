"""The spool: where finished records go, and how full it is (R21, R22).

:meth:`Spool.finish` gathers calls that are over; a job in a thread finishes them in batches
(``ivr.storage.filing``). What the disk refuses is tried again until it is taken, and stays
in the journal meanwhile. What a fault of the program stops is set aside and stays in the journal
until the next start. The consumer's contract is ``docs/spool.md``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from ivr.clock import Clock, Timer
from ivr.core.entries import Finished, Stamp, Stamped
from ivr.core.record import iso
from ivr.errors import DiskError
from ivr.storage.atomic import REAL, Disk
from ivr.storage.destroy import doomed_calls
from ivr.storage.fault import describe
from ivr.storage.filing import Filed, Filing, Maker, file_batch
from ivr.storage.journal import Journal
from ivr.storage.places import Places, placed, prepare
from ivr.storage.tape import Listing

_LOCALTIME = "/etc/localtime"
_Callback = Callable[[Filed], None]


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """When the spool works and what it needs."""

    gather_ms: int = 250
    """How long calls that ended are gathered; they are finished in one batch."""
    batch: int = 64
    """The most calls of one batch."""
    retry_ms: int = 5_000
    """After how long a refused batch is tried again."""
    rescan_ms: int = 10_000
    """How old :meth:`Spool.depth` may be."""
    least_free_bytes: int = 64 << 20
    """Less room than this at the start is a SetupError."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What lies in ``new/``, as of the last look and what was added since (R21)."""

    records: int
    oldest_age_ms: int
    """Age of the oldest record; 0 where there is none."""
    free_bytes: int
    """Room left on the spool's file system."""


@dataclass(frozen=True, slots=True)
class _Look:
    records: int
    oldest_wall_ms: int
    free_bytes: int
    took_ms: int


def host_zone() -> tzinfo:
    """The host's time zone with its changes of summer time; UTC where the host has none."""
    try:
        with open(_LOCALTIME, "rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


class Spool:
    """The engine's side of the spool. All methods belong to the hub's thread."""

    def __init__(
        self,
        root: Path,
        journal: Journal,
        clock: Clock,
        maker: Maker,
        limits: SpoolLimits | None = None,
        disk: Disk = REAL,
        refused: Callable[[str, DiskError], None] | None = None,
        fallback: Path | None = None,
        uncleared: _Callback | None = None,
    ) -> None:
        """``refused`` is told of each call that the disk did not take, each time; ``fallback`` is
        where recordings may lie besides. ``uncleared`` is told of a call whose record is there and
        whose leftovers the disk keeps, and once more when they are gone."""
        self.places = placed(root, fallback)
        self._journal = journal
        self._clock = clock
        self._maker = maker
        self._limits = limits or SpoolLimits()
        self._disk = disk
        self._refused = refused
        self._uncleared: _Callback = uncleared or _unasked
        # A pool of its own: taking a job from a full pool would block the hub. Two, so that
        # looking at the folder does not wait for a long recording's hash.
        self._pool = ThreadPool(2)
        self._loop: Any = gevent.get_hub().loop
        self._queue: list[tuple[Filing, _Callback]] = []
        self._running: list[tuple[Filing, _Callback]] = []
        self._put_off: list[tuple[Filing, _Callback]] = []
        """What the disk refused: tried again after a while, and in nobody's way until then."""
        self._timer: Timer | None = None
        self._retry_timer: Timer | None = None
        self._empty = Event()
        self._empty.set()
        self._look = _Look(0, 0, 0, 0)
        self._looked_ms = -(1 << 60)
        self._looking = False
        self._added = 0
        self.error: DiskError | None = None
        """Why the disk refused the last batch or a call of it; None when it took all."""

    @staticmethod
    def prepare(
        root: Path, limits: SpoolLimits | None = None, fallback: Path | None = None
    ) -> Places:
        """Make and check the folders; see :func:`ivr.storage.places.prepare`."""
        return prepare(root, (limits or SpoolLimits()).least_free_bytes, fallback)

    @property
    def waiting(self) -> int:
        """How many calls are over and have no record yet."""
        calls = (*self._queue, *self._running, *self._put_off)
        return sum(not filing.shown for filing, _callback in calls)

    def recording_path(self, call_id: str, part: int = 1, folder: Path | None = None) -> str:
        """Where FreeSWITCH is to record this call, in one of :attr:`Places.folders` or the
        spool's own. Raises SpoolError for what is no id."""
        return self.places.recorded(call_id, part, folder)

    def finish(self, call_id: str, entries: Iterable[Stamped], callback: _Callback) -> None:
        """Give a call that is over its record; call back once, when it is in ``new/``.

        The journal is told ``Finished`` when nothing is left to be done for it. ``entries`` may be
        empty, for a recording that nothing is known of. Where the disk refuses, it is tried again
        by itself. Where the program is at fault, ``Filed.fault`` says so, and the journal keeps
        the call open.
        Raises SpoolError for what is no call's id.
        """
        self.places.record(call_id)
        told = tuple(entries)
        missing = max(0, self._journal.entries_of(call_id) - len(told))
        self._queue.append((Filing(call_id, told, missing), callback))
        self._empty.clear()
        self._later(self._limits.gather_ms)

    def exempt(self, call_id: str, callback: _Callback | None = None) -> None:
        """Record that an exempt call took place today, and nothing else of it (R8).

        ``call_id`` is an id that is made for it; of the same one there is one record, whoever
        writes it. It is in no journal: a crash before it is in ``new/`` loses it. Where the disk
        refuses, it is tried again by itself. Raises SpoolError for what is no call's id.
        """
        self.places.record(call_id)
        day = iso(self._clock.wall_ms(), self._maker.zone).partition("T")[0]
        self._queue.append((Filing(call_id, (), exempt_on=day), callback or _unasked))
        self._empty.clear()
        self._later(self._limits.gather_ms)

    def join(self, timeout_s: float) -> bool:
        """Wait until every call that is over has its record; whether that came in time."""
        if self.waiting:
            self._retry()
        return bool(self._empty.wait(timeout_s))

    def close(self, timeout_s: float = 10.0) -> bool:
        """:meth:`join`, and stop; what is left is in the journal for the next start."""
        done = self.join(timeout_s)
        for timer in (self._timer, self._retry_timer):
            if timer is not None:
                timer.cancel()
        if done and not self._running:
            self._pool.kill()
        return done

    def orphans(self, known: Iterable[str]) -> tuple[str, ...]:
        """Calls that have a file in a recording folder, or of which one is being destroyed, and are
        none of those known (R22).

        For the start, after the calls of the journal and those still in progress are known:
        finish each with no entries. Blocks shortly. A folder that cannot be read does not keep
        the others from being looked at. Raises OSError where none can.
        """
        listing = Listing(self.places)
        if not listing.readable:
            raise listing.unread[self.places.recording]
        found = doomed_calls(self.places).union(*listing.readable.values())
        return tuple(sorted(found.difference(known)))

    def depth(self) -> Depth:
        """How full ``new/`` is; cheap: it looks now and then, in a thread."""
        now = self._clock.monotonic_ms()
        # A long folder is looked at less often: a hundredth of the time at most.
        if not self._looking and now - self._looked_ms >= max(
            self._limits.rescan_ms, self._look.took_ms * 100
        ):
            self._looking = True
            self._looked_ms = now
            self._pool.spawn(_look_into, self.places.new).rawlink(self._seen)
        look = self._look
        age = self._clock.wall_ms() - look.oldest_wall_ms if look.records else 0
        return Depth(look.records + self._added, max(0, age), look.free_bytes)

    def _seen(self, result: Any) -> None:
        self._looking = False
        self._look = result.get()
        self._added = 0

    def _later(self, ms: int) -> None:
        if self._timer is None and not self._running:
            self._timer = self._clock.after(ms, self._start)

    def _start(self) -> None:
        self._timer = None
        self._running = self._queue[: self._limits.batch]
        del self._queue[: self._limits.batch]
        filings = [filing for filing, _callback in self._running]
        job = self._pool.spawn(file_batch, self._disk, self.places, self._maker, filings)
        job.rawlink(self._done)

    def _done(self, result: Any) -> None:
        """On the hub's thread: a batch is over."""
        batch, self._running = self._running, []
        self.error = None
        stamp = Stamp(self._clock.wall_ms(), self._clock.monotonic_ms())
        again = []
        for (filing, callback), filed in zip(batch, _outcomes(batch, result), strict=True):
            if filed.fault:
                self._loop.run_callback(callback, filed)
            elif filed.again is not None:
                again.append((filed.again, self._refused_by_disk(filing, filed, callback)))
            else:
                self._added += not filing.shown
                if not filing.exempt_on:
                    self._journal.append(filing.call_id, Finished(), stamp)
                self._loop.run_callback(callback, filed)
        if len(again) < len(batch):
            self._journal.sync(_unwaited)
        self._put_off.extend(again)
        if self._put_off and self._retry_timer is None:
            self._retry_timer = self._clock.after(self._limits.retry_ms, self._retry)
        if not self.waiting:
            self._empty.set()
        if self._queue:
            self._later(0 if len(self._queue) >= self._limits.batch else self._limits.gather_ms)

    def _retry(self) -> None:
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None
        self._queue.extend(self._put_off)
        self._put_off = []
        if self._queue and not self._running:
            if self._timer is not None:
                self._timer.cancel()
            self._start()

    def _refused_by_disk(self, filing: Filing, filed: Filed, callback: _Callback) -> _Callback:
        """Tell of what the disk refused; whom to tell of the next try."""
        if not filed.shown:
            self.error = filed.error
            if self._refused is not None and filed.error is not None:
                self._loop.run_callback(self._refused, filing.call_id, filed.error)
            return callback
        if not filing.shown:
            self._added += 1
            self._loop.run_callback(callback, filed)
            self._loop.run_callback(self._uncleared, filed)
        return self._uncleared


def _outcomes(batch: Sequence[tuple[Filing, _Callback]], result: Any) -> tuple[Filed, ...]:
    """What the job came to; where not even its own root held, every call of it is at fault."""
    if result.exception is None:
        filed: tuple[Filed, ...] = result.value
        return filed
    fault = describe(result.exception)
    return tuple(Filed(filing.call_id, None, fault=fault) for filing, _callback in batch)


def _unwaited(_error: DiskError | None) -> None:
    """Nobody waits for ``Finished``: lost in a crash, the call is finished once more."""


def _unasked(_filed: Filed) -> None:
    """Nobody wants to know what is left."""


def _look_into(folder: Path) -> _Look:
    """In the thread: count the records of a folder and find the oldest."""
    began = time.monotonic_ns()
    records, oldest = 0, 1 << 62
    try:
        with os.scandir(folder) as names:
            for name in names:
                if name.name.endswith(".json"):
                    try:
                        oldest = min(oldest, name.stat(follow_symlinks=False).st_mtime_ns)
                    except FileNotFoundError:
                        continue  # the consumer took it just now
                    records += 1
        room = os.statvfs(folder)
    except OSError:
        return _Look(records, oldest // 1_000_000, 0, 0)
    took = (time.monotonic_ns() - began) // 1_000_000
    return _Look(records, oldest // 1_000_000, room.f_bavail * room.f_frsize, took)
