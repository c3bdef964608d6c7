"""One journal for all calls: what must survive is on disk before it is acted on (R22).

:meth:`Journal.append` only gathers. :meth:`Journal.sync` calls back once all that was
appended before it is on disk. One job at a time, in a thread, writes and syncs what
gathered while the last one ran (group commit), so that its price is shared.

A segment goes when every call in it is finished, oldest first; the entries of calls that
are still open are carried over from old segments. So callers' numbers do not linger, and
an entry ``Finished`` never goes before what it finishes.

What the disk refuses goes into the spare folder at once, where there is one; its own is tried
again with each new segment, so that the journal comes back by itself. What both refuse is kept in
memory and written again, to a new segment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gevent
import structlog
from gevent.event import Event
from gevent.threadpool import ThreadPool

from ivr.clock import Clock, Timer
from ivr.core.entries import Entry, Finished, Stamp
from ivr.errors import DiskError
from ivr.storage.atomic import REAL, Disk
from ivr.storage.journal_job import Job, OpenCall, Outcome, Synced, Work, recover
from ivr.storage.lines import line_of
from ivr.storage.names import checked_call_id
from ivr.storage.segments import Reading, SegmentWriter

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """When the journal writes and what it keeps."""

    segment_bytes: int = 8 << 20
    """A segment that has grown to this is followed by a new one."""
    segment_ms: int = 60_000
    """As often the journal looks for segments to remove; a finished call's numbers stay at
    most about this long once nothing older is open."""
    carry_ms: int = 600_000
    """Entries of open calls are carried out of segments older than this."""
    gather_ms: int = 50
    """Least time between two syncs: a sync costs 0.2 to 0.35 ms of CPU, shared by all that
    gathered. The first after a rest begins at once."""
    retry_ms: int = 1_000
    """After how long a refused write is tried again."""
    spare_ms: int = 5_000
    """After how long in the spare folder the next entries try the journal's own again."""


class Journal:
    """The engine's journal. All methods belong to the hub's thread; see the module's text."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        limits: JournalLimits | None = None,
        disk: Disk = REAL,
        spare: Path | None = None,
    ) -> None:
        """``spare`` is a folder on another disk, for what the first one refuses."""
        self._folder = folder
        self._spare = spare
        self._clock = clock
        self._limits = limits or JournalLimits()
        self._job = Job(folder, SegmentWriter(folder, disk, spare))
        # A pool of its own: taking a job from a full pool would block the hub.
        self._pool = ThreadPool(1)
        self._loop: Any = gevent.get_hub().loop
        self._idle = Event()
        self._idle.set()
        self._calls: dict[str, OpenCall] = {}
        self._open_in: dict[int, int] = {1: 0}
        self._begun_ms: dict[int, int] = {1: clock.monotonic_ms()}
        self._active = 1
        self._active_bytes = 0
        self._told: list[tuple[str, int, Entry, Stamp]] = []
        """What was appended and is no line yet: many at once are made into lines in half the
        time that they take one by one."""
        self._buffer: list[bytes] = []
        self._closing: list[OpenCall] = []
        """Calls whose end is on its way to the disk."""
        self._carried: list[tuple[int, frozenset[str]]] = []
        self._waiting: list[Synced] = []
        self._running: Work | None = None
        self._last_start_ms = -(1 << 60)
        self._timer: Timer | None = None
        self._retry_timer: Timer | None = None
        self._tidy_timer: Timer | None = None
        self._tidy_due = False
        self._on_spare = False
        self._own_tried_ms = 0
        self.error: DiskError | None = None
        """Why no disk took the last write; None when one did."""
        self.syncs = 0
        """How many times the disk was waited for."""

    @property
    def open_calls(self) -> int:
        """How many calls are not finished, or not on disk as such."""
        ending = 0 if self._running is None else len(self._running.closing)
        return len(self._calls) + len(self._closing) + ending

    @property
    def on_spare(self) -> bool:
        """Whether the last entries went to the spare folder, since the first refused them."""
        return self._on_spare

    @property
    def segments(self) -> int:
        """How many segments there are, the one being written included."""
        return len(self._open_in)

    def open(self) -> Reading:
        """Read what an earlier engine left; call once, before the first append.

        Damaged lines are put into ``aside/`` beside the journal's folder, where there is one.
        Calls that are not finished stay open here: give each a record by
        :meth:`ivr.storage.spool.Spool.finish`. Waits, off the hub. Raises DiskError.
        """
        reading: Reading = self._pool.apply(recover, (self._folder, self._spare))
        self._job.writer.adopt(reading.paths)
        now = self._clock.monotonic_ms()
        self._active = max(reading.segments, default=0) + 1
        readable = [each for each in reading.segments if each not in reading.unreadable]
        self._open_in = dict.fromkeys((*readable, self._active), 0)
        self._begun_ms = dict.fromkeys(self._open_in, now)
        for call in reading.calls:
            if not call.finished:
                self._calls[call.call_id] = OpenCall(call.next_number, call.segment)
                self._open_in[call.segment] += 1
        if readable:
            self._tidy_later(0)
        return reading

    def entries_of(self, call_id: str) -> int:
        """How many entries a call that is open has had, those among them that were lost; 0 for a
        call that the journal does not know."""
        call = self._calls.get(call_id)
        return 0 if call is None else call.next_number

    def append(self, call_id: str, entry: Entry, stamp: Stamp) -> None:
        """Gather an entry; on disk only once a later :meth:`sync` has called back.

        ``Finished`` is a call's last entry: what comes after it, of a call that came back, is of
        another life of it. Raises SpoolError for what is no call's id.
        """
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[checked_call_id(call_id)] = OpenCall(0, self._active)
            self._open_in[self._active] += 1
        self._told.append((call_id, call.next_number, entry, stamp))
        call.next_number += 1
        if entry.__class__ is Finished:
            self._closing.append(self._calls.pop(call_id))
        if self._tidy_timer is None:
            self._tidy_later(self._limits.segment_ms)

    def sync(self, callback: Synced) -> None:
        """Call back when all that was appended so far is on disk, or with why it is not.

        After an error nothing is lost: the entries are kept and written with the next sync.
        """
        self._waiting.append(callback)
        self._kick()

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything is on disk; whether it is, within the limit."""
        done = Event()
        self.sync(lambda _error: done.set())
        return done.wait(timeout_s) and self.error is None

    def close(self, timeout_s: float = 10.0) -> bool:
        """Put everything on disk and stop; whether it was possible within the limit."""
        over = time.monotonic() + timeout_s
        self._limits = replace(self._limits, gather_ms=0)  # the last entries wait for no company
        if self._timer is not None:
            self._timer.cancel()
            self._gathered()
        synced = self.flush(timeout_s)
        for timer in (self._timer, self._retry_timer, self._tidy_timer):
            if timer is not None:
                timer.cancel()
        # A disk that hangs holds the thread, which ends with the process and not before.
        if self._idle.wait(max(0.0, over - time.monotonic())):
            self._pool.apply(self._job.writer.close)
            self._pool.kill()
        return synced

    def _kick(self) -> None:
        """Begin a job now, or when the gathering time is over, or when this one is done."""
        if self._running is not None or self._timer is not None:
            return
        wait = self._last_start_ms + self._limits.gather_ms - self._clock.monotonic_ms()
        if wait <= 0:
            self._start()
        else:
            self._timer = self._clock.after(wait, self._gathered)

    def _gathered(self) -> None:
        self._timer = None
        if self._running is None:
            self._start()

    def _retry(self) -> None:
        self._retry_timer = None
        self._kick()

    def _start(self) -> None:
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None
        remove: tuple[int, ...] = ()
        carry = None
        self._encode()
        if not self._buffer:  # nothing of what was to be carried over is left to be
            carried, self._carried = self._carried, []
            for segment, calls in carried:
                self._moved(segment, calls)
        tidy, self._tidy_due = self._tidy_due, False
        if tidy or self._active_bytes >= self._limits.segment_bytes:
            self._rotate()
            remove, carry = self._removable(), self._to_carry()
        now = self._clock.monotonic_ms()
        if self._on_spare and self._buffer and now - self._own_tried_ms >= self._limits.spare_ms:
            self._rotate()
        work = Work(
            b"".join(self._buffer),
            tuple(self._waiting),
            tuple(self._closing),
            tuple(self._carried),
            self._active,
            self._on_spare and self._active_bytes > 0,
            remove,
            carry,
        )
        if not (work.data or remove or carry):
            self._waiting = []
            for callback in work.waiting:
                self._loop.run_callback(callback, None)
            return
        self._buffer, self._waiting, self._closing, self._carried = [], [], [], []
        self._running = work
        self._idle.clear()
        self._last_start_ms = now
        self._pool.spawn(self._job.run, work).rawlink(self._done)

    def _encode(self) -> None:
        """Make lines of what was appended since the last time."""
        told, self._told = self._told, []
        try:
            self._buffer += [line_of(*one) for one in told]
        except Exception:  # noqa: BLE001  # one call's fault keeps no other call off the disk
            for one in told:
                try:
                    self._buffer.append(line_of(*one))
                except Exception as fault:  # the root of what is done for it
                    # Its number stays out: the record says that an entry is missing.
                    log.error("fault in the engine", call=one[0], exc_info=fault)

    def _done(self, result: Any) -> None:
        """On the hub's thread: the job is over."""
        work, self._running = self._running, None
        assert work is not None  # only a job that was begun ends
        self._idle.set()
        outcome: Outcome = result.value
        if result.exception is not None:  # not even the job's root held it
            outcome = Outcome(self._job.at_fault("written", result.exception), None, ())
        if outcome.error is not None:
            self._refused(work, outcome.error)
        else:
            self._written(work, outcome)
        for callback in work.waiting:
            self._loop.run_callback(callback, outcome.error)
        if self._waiting:
            self._kick()

    def _refused(self, work: Work, error: DiskError) -> None:
        """Keep what was not written, for a new segment, and try again later."""
        self.error = error
        self._buffer.insert(0, work.data)
        self._closing[:0] = work.closing
        self._carried[:0] = work.carried
        self._active += self._spare is not None  # both folders tried a number
        self._next_segment()
        self._still_there(work.remove)
        self._retry_timer = self._clock.after(self._limits.retry_ms, self._retry)

    def _written(self, work: Work, outcome: Outcome) -> None:
        if work.data:
            self.error = None
            self.syncs += 1
            self._landed(work, outcome)
            self._active_bytes += len(work.data)
        for call in work.closing:
            self._open_in[call.oldest] -= 1
        for segment, calls in work.carried:
            self._moved(segment, calls)
        if outcome.untidy is not None:
            log.warning("the journal could not be tidied up", error=str(outcome.untidy))
            self._still_there(work.remove)
        elif work.carry is not None:
            segment, _calls = work.carry
            self._buffer += [line for call, line in outcome.lines if self._is_of(call, segment)]
            self._carried.append(work.carry)
            self._kick()

    def _landed(self, work: Work, outcome: Outcome) -> None:
        """Note in which folder the entries are, and say so where it is another one now."""
        if not work.spare:
            self._own_tried_ms = self._last_start_ms
        spare = work.spare
        if outcome.number != work.number:
            nothing_kept = self._active_bytes == 0
            self._active = outcome.number - 1
            self._next_segment()
            if nothing_kept:
                self._pass_over(work.number, work.closing)
            spare = not spare
        if spare != self._on_spare:
            self._on_spare = spare
            if spare:
                log.error("the journal goes to the fallback folder", error=str(outcome.refused))
            else:
                log.info("the journal is in its own folder again")

    def _is_of(self, call_id: str, segment: int) -> bool:
        """Whether a call is open, and its oldest entries are in this segment; a call that ended
        and came back meanwhile has none there."""
        call = self._calls.get(call_id)
        return call is not None and call.oldest == segment

    def _pass_over(self, segment: int, closing: tuple[OpenCall, ...]) -> None:
        """There is no such segment: calls that were to begin in it begin in the next one."""
        for call in (*self._calls.values(), *closing, *self._closing):
            if call.oldest == segment:
                call.oldest = self._active
        self._open_in[self._active] += self._open_in.pop(segment)
        del self._begun_ms[segment]

    def _moved(self, segment: int, calls: frozenset[str]) -> None:
        """The open calls' entries of a segment are in a newer one too: it need not stay."""
        following = next(number for number in self._open_in if number > segment)
        for call_id in calls:
            if self._is_of(call_id, segment):
                self._calls[call_id].oldest = following
                self._open_in[segment] -= 1
                self._open_in[following] += 1
        self._tidy_due = True

    def _still_there(self, segments: tuple[int, ...]) -> None:
        """Segments that were to be removed may not have been; they are tried again."""
        if segments:
            now = self._clock.monotonic_ms()
            for number in segments:
                self._open_in[number] = 0
                self._begun_ms[number] = now
            self._open_in = dict(sorted(self._open_in.items()))
            if self._tidy_timer is None:
                self._tidy_later(self._limits.segment_ms)

    def _rotate(self) -> None:
        if self._active_bytes:
            self._next_segment()

    def _next_segment(self) -> None:
        self._active += 1
        self._active_bytes = 0
        self._open_in[self._active] = 0
        self._begun_ms[self._active] = self._clock.monotonic_ms()

    def _removable(self) -> tuple[int, ...]:
        """The oldest segments with nothing open in them; they are forgotten here."""
        gone = []
        for number, open_calls in self._open_in.items():
            if open_calls or number == self._active:
                break
            gone.append(number)
        for number in gone:
            del self._open_in[number], self._begun_ms[number]
        return tuple(gone)

    def _to_carry(self) -> tuple[int, frozenset[str]] | None:
        """The oldest segment and its open calls, where it has been kept for long enough."""
        oldest = next(iter(self._open_in))
        age = self._clock.monotonic_ms() - self._begun_ms[oldest]
        if oldest == self._active or self._carried or age < self._limits.carry_ms:
            return None
        return oldest, frozenset(
            call_id for call_id, call in self._calls.items() if call.oldest == oldest
        )

    def _tidy_later(self, ms: int) -> None:
        self._tidy_timer = self._clock.after(ms, self._tidy)

    def _tidy(self) -> None:
        self._tidy_timer = None
        self._tidy_due = True
        self._kick()
        if self.open_calls or self._buffer or self._active_bytes or len(self._open_in) > 1:
            self._tidy_later(self._limits.segment_ms)
