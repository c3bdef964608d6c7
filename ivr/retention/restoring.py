"""Brings a lost index back, and says whether it may again be destroyed by (R13, R14).

An index whose cases are not all there would let recordings go that a case holds. So it is the
archive's own only once every case and hold that the audit trail tells of is in it, and the trail
is well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ivr.retention.archive.reader import Reader
from ivr.retention.guard import Stopped
from ivr.retention.index.rebuild import Progress, Rebuilt, rebuild
from ivr.retention.index.retold import retold
from ivr.retention.model import SERVICE, Entry
from ivr.retention.store import Store
from ivr.storage.opened import NoFileError, opened


@dataclass(frozen=True, slots=True)
class Restoration:
    """What came of it."""

    rebuilt: Rebuilt
    faults: tuple[str, ...]
    """What is wrong with the audit trail: nothing is destroyed by what it tells then."""
    lacking: tuple[str, ...]
    """Cases and holds that the trail tells of, and that the index lacks or has otherwise."""

    @property
    def good(self) -> bool:
        """Whether the index is the archive's own, so that what is due may be destroyed."""
        return not self.faults and not self.lacking


def bring_back(
    store: Store,
    identity: bytes | None = None,
    progress: Progress = lambda done, of: None,
) -> Restoration:
    """Make the index anew from archive and audit trail; what it has stays.

    ``identity`` is the secret key of a sealed archive. Killed at any moment, it goes on when it is
    begun again. Raises what :func:`ivr.retention.index.rebuild.rebuild` raises.
    """
    report = store.verified()
    with suppress(Stopped):
        # Of an index out of a backup: what is missing then comes from the archive.
        store.catching_up().run(store.today())
    rebuilt = rebuild(
        store.database,
        store.recordings,
        store.archive,
        Reader(store.archive, identity or store.identity()),
        store.trail,
        store.site.zone,
        progress,
        lambda call, record: any(_lies(spool, call, record) for spool in store.site.spools),
    )
    lacking = [*_lacking(store), *_unseen(store)]
    done = Restoration(rebuilt, tuple(map(str, report.faults)), tuple(lacking))
    told = f"{rebuilt.recordings} recordings, {len(rebuilt.faults)} unreadable"
    entry = Entry("index-rebuild", SERVICE, "done" if done.good else "failed", detail=told)
    store.trail.append([entry])
    if done.good:
        store.guard.belongs()
    return done


def _lies(spool: Path, call: str, record: bytes) -> bool:
    """Whether this very record waits to be taken in."""
    try:
        with opened(spool / "new" / f"{call}.json") as fd:
            return os.pread(fd, len(record) + 1, 0) == record
    except (OSError, NoFileError):
        return False


def _unseen(store: Store) -> Iterator[str]:
    """What the trail tells of and the index lacks even now."""
    try:
        store.catching_up().run(store.today())
    except Stopped as error:
        yield str(error)


def _lacking(store: Store) -> Iterator[str]:
    """A restore leaves cases alone where there are some: then those of the trail may lack."""
    told = retold(store.trail, store.site.zone)
    for ref, known in told.cases.items():
        case = store.cases.get(ref)
        if case is None:
            yield f"case {ref}"
        elif set(known.calls) - set(case.calls):
            yield f"case {ref}: not all of its recordings"
        elif known.closed is None and case.closed is not None:
            yield f"case {ref}: it was opened again"
    for number, held in told.holds.items():
        hold = store.holds.get(f"hold-{number}")
        if hold is None or hold.call != held.call:
            yield f"hold-{number}"
        elif held.released is None and hold.released is not None:
            yield f"hold-{number}: it was not released"
