"""Destroys recordings, durably and for certain (R14).

What happens to each, in this order, so that whoever is killed in between goes on at the next
start and never forgets half of it:

1. In one transaction it is decided once more, with the cases and holds as they are at that
   moment, and marked as dying. From here on nothing can hold it.
2. Its files go from the archive, then its remains: what was set aside of it here and in the
   spools, and mails that wait with a copy of it. Each is seen to be gone.
3. The audit trail has an entry: call, rule, day, and nothing that identifies the caller.
4. Its rows go from the index, with the particulars that the audit trail refers to. Its id
   stays, so that it is known if it comes out of a spool once more.
5. The index forgets: nothing is left in its journal, nor between the rows of its pages.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from ivr.core.schedule import Schedule
from ivr.errors import StoreError
from ivr.retention.archive.protocol import Archive
from ivr.retention.audit.trail import Trail
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying, Dying
from ivr.retention.index.recordings import OPTED_OUT, Recordings
from ivr.retention.model import SERVICE, Entry
from ivr.storage.atomic import disk_error

log = structlog.get_logger(__name__)

_Each = TypeVar("_Each")

BATCH = 500
"""Recordings whose folders, audit entries and transactions are synced together."""


class Remains(Protocol):
    """What there may be of a recording outside the archive: set aside, waiting to be mailed."""

    def remove(self, calls: Sequence[str]) -> None:
        """Remove what there is of these calls, durably. Raises DiskError."""


@dataclass(frozen=True, slots=True)
class Toll:
    """What was destroyed."""

    recordings: int = 0
    bytes: int = 0
    """Of their audio, as it lay in the archive."""

    def __add__(self, other: Toll) -> Toll:
        return Toll(self.recordings + other.recordings, self.bytes + other.bytes)


class Destroyer:
    """The one place from which anything leaves the archive for good."""

    def __init__(
        self,
        database: Database,
        recordings: Recordings,
        destroying: Destroying,
        archive: Archive,
        trail: Trail,
        remains: Sequence[Remains],
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``alone`` is held while a batch is destroyed: else a sweep would finish what the service
        is at, and take away what was taken in of a call since."""
        self._database = database
        self._recordings = recordings
        self._destroying = destroying
        self._archive = archive
        self._trail = trail
        self._remains = remains
        self._alone = alone

    def resume(self, today: date) -> Toll:
        """Finish what was decided before and not finished, as after a crash."""
        toll = Toll()
        while True:
            with self._alone():
                # Whoever was at one of these is not alive any more, or it would be gone by now.
                batch = self._destroying.pending()[:BATCH]
                if not batch:
                    break
                toll += self._end(batch, today)
        self._forget()
        return toll

    def due(
        self, schedule: Schedule, today: date, progress: Callable[[int], None] = lambda gone: None
    ) -> Toll:
        """Destroy all that is due. ``progress`` is told how many more are gone.

        Raises what refuses (DiskError, StoreError): what was destroyed until then is, and what
        was begun is finished by :meth:`resume`.
        """
        toll = Toll()
        for batch in _batches(self._destroying.due(schedule, today)):
            calls = [each.call for each in batch]
            with self._alone():
                after = self._trail.head().seq
                ended = self._end(self._destroying.claim(calls, schedule, today, after), today)
            progress(ended.recordings)
            toll += ended
        self._forget()
        return toll

    def opted_out(self, calls: Sequence[str], today: date) -> Toll:
        """Destroy what there is of calls whose callers opted out in mid-call, whatever holds
        them: nothing of them was to be kept (R4, ``docs/spool.md``)."""
        with self._alone():
            after = self._trail.head().seq
            dying = self._destroying.claim_at_once(calls, OPTED_OUT, today, after)
            toll = self._end(dying, today)
        # Writing a large index anew takes long, and taking in waits for this: the next sweep does.
        self._database.forget()
        return toll

    def _forget(self) -> None:
        """Leave nothing in the database's files, neither in its journal nor in its pages; also of
        what an earlier run destroyed that could not see to it."""
        try:
            if self._database.forget(thorough=True):
                return
        except StoreError as error:
            # As where its disk has no room for a second index: it is remembered, and done by the
            # next run. Nothing that is due may wait for it.
            log.error(
                "the retention service's work was refused", work="forgetting", error=str(error)
            )
            return
        log.warning("what was destroyed may still lie in the index's files: it is being read")

    def _end(self, dying: Sequence[Dying], today: date) -> Toll:
        if not dying:
            return Toll()
        calls = [each.call for each in dying]
        found = self._recordings.several(calls)
        self._archive.remove([name for each in found for name in each.files])
        for remains in self._remains:
            remains.remove(calls)
        written = self._written(dying)
        self._trail.append(
            [
                Entry("destroy", SERVICE, "done", call=each.call, rule=each.rule)
                for each in dying
                if each.call not in written
            ]
        )
        self._destroying.finish(calls, today)
        return Toll(len(dying), sum(each.size for each in found))

    def _written(self, dying: Sequence[Dying]) -> set[str]:
        """Whose entries are in the trail already: a run before this one wrote them and was
        killed before it could say so in the index."""
        first = min(each.after_seq for each in dying)
        if self._trail.head().seq == first:
            return set()
        return {
            entry.call for entry in self._trail.read(since=first + 1) if entry.action == "destroy"
        }


@contextmanager
def one_at_a_time(state: Path) -> Iterator[None]:
    """Be the only one of this host's processes and threads that destroys, for as long as the block
    lasts; a killed process holds nothing. Taken before the index is locked. Raises DiskError."""
    path = state / "destroying.lock"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        raise disk_error("open", path, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _batches(items: Iterable[_Each]) -> Iterator[list[_Each]]:
    each = iter(items)
    while batch := list(islice(each, BATCH)):
        yield batch
