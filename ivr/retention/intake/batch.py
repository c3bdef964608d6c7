"""A batch: some records of one spool, read and judged, and what is to come of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

import structlog

from ivr.errors import DiskError, IvrError, StoreError
from ivr.retention.archive.protocol import Archive
from ivr.retention.intake.books import Books
from ivr.retention.intake.delivered import Delivered, LeftError, UnfitError, read
from ivr.retention.intake.judging import NOTHING, Known, Verdict, compare, judge
from ivr.retention.intake.ledger import dropped, not_kept
from ivr.retention.intake.listing import Listing, Waiting
from ivr.retention.intake.outcome import Taken
from ivr.retention.model import Entry

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Batch:
    """What is being done with some records of one spool."""

    listing: Listing
    keep: list[Delivered] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    unfit: list[tuple[Waiting, UnfitError]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    leaving: list[tuple[Waiting, tuple[Path, ...]]] = field(default_factory=list)
    """What goes from the spool in the end: the record and its audio."""
    came_to: Taken = field(default_factory=Taken)

    def put_off(self, waiting: Waiting, error: IvrError) -> None:
        """Have it offered again later, for this reason."""
        self.listing.put_off(waiting)
        self.came_to += Taken(put_off=1, error=error)

    def leaves(self, delivered: Delivered) -> None:
        """It is safe elsewhere, or not to be kept: it goes from the spool in the end."""
        self.leaving.append((delivered.waiting, delivered.files))


def read_all(
    batch: Batch, some: Sequence[Waiting], zone: tzinfo, most_bytes: int
) -> list[Delivered]:
    """Those that can be read, until so many bytes of audio are together; the rest is given back."""
    found: list[Delivered] = []
    size = 0
    for number, waiting in enumerate(some):
        if size > most_bytes:
            batch.listing.give_back(some[number:])
            break
        try:
            found.append(read(batch.listing.new, waiting, zone))
            size += found[-1].size
        except FileNotFoundError:
            continue  # a person took it away
        except UnfitError as unfit:
            batch.unfit.append((waiting, unfit))
        except DiskError as error:
            batch.put_off(waiting, error)
        except LeftError as left:
            batch.listing.leave(waiting)
            batch.came_to += Taken(left=Counter((left.reason,)))
            log.warning("record left in the spool", reason=left.reason, why=str(left))
    return found


def judge_all(batch: Batch, found: Sequence[Delivered], books: Books, archive: Archive) -> None:
    """Say what becomes of each. Raises StoreError."""
    unfit = [waiting.call for waiting, _why in batch.unfit]
    batch.known = books.known([*(each.call for each in found), *unfit])
    for each in found:
        known = batch.known.get(each.call, NOTHING)
        verdict = judge(each.state, known)
        if verdict is Verdict.WAIT:
            batch.listing.put_off(each.waiting)
            batch.came_to += Taken(put_off=1)
        elif verdict is Verdict.GONE:
            batch.entries.append(not_kept(each.call, known.never))
            batch.leaves(each)
            batch.came_to += Taken(not_kept=1)
        elif verdict is Verdict.KNOWN:
            _compare(batch, each, known, archive)
        else:
            batch.keep.append(each)


def _compare(batch: Batch, each: Delivered, known: Known, archive: Archive) -> None:
    have = known.recording
    assert have is not None  # the verdict says so
    try:
        what = compare(each, have, archive)
    except StoreError as error:
        batch.put_off(each.waiting, error)
        return
    if what == "another":
        why = "is another recording of a call of which one is in the archive already"
        batch.unfit.append((each.waiting, UnfitError("another", why)))
        return
    if what == "dropped":
        batch.entries.append(dropped(each, have))
        log.info("later record of a call dropped", call=each.call, state=each.state)
    batch.came_to += Taken(dropped=1) if what == "dropped" else Taken(again=1)
    batch.leaves(each)
