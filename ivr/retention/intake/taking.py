"""Take finished calls out of the spools, into the archive and the index (R12, R22).

A batch goes through these steps, and nothing leaves the spool before the last one:

1. Records are read and judged by what the index knows of their calls (:mod:`.judging`).
2. What a caller who opted out in mid-call wants gone is destroyed.
3. Audio and records are copied into the archive's scratch folder, checked against their hashes.
4. The archive takes them, durably.
5. The index gets their rows, the holds of their marks, and a note, in one transaction.
6. What is unfit is set aside, durably.
7. The audit trail is told.
8. The records are removed from the spool, then their audio; the folder is synced.

**Why the index comes before the trail.** Whoever is killed between the two has to be put right
without a second entry. The index says at once whether a call is known; the trail would have to be
searched. So the transaction of step 5 holds a note: the calls and holds that were entered, and the
number of the trail's last entry before. At the next start (and after any refusal) the entries
after that number are read, which are few, and those that are owed are written. A sweep in between
sees a recording that the trail does not tell of yet, which harms nothing; the other way round the
trail would tell of what may not be there.

Records that are not entered (dropped, not kept, set aside) are told of before they leave the
spool; whoever is killed in between finds them in the spool and in the trail after the same
number, and does not tell again.

**What else a crash may leave:** files in the scratch folder, which is emptied at the start; files
in the archive that no row names, which the next try writes anew, for the record is still in the
spool; audio in the spool without its record, which is removed at the start if its call is one of
those that the note or the trail tell of.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, tzinfo
from pathlib import Path

import structlog

from ivr.errors import DiskError, IvrError, StoreError
from ivr.retention.archive.protocol import Archive
from ivr.retention.audit.trail import Trail
from ivr.retention.intake.aside import Aside, calls_among
from ivr.retention.intake.batch import Batch, judge_all, read_all
from ivr.retention.intake.books import Books
from ivr.retention.intake.clearing import clear
from ivr.retention.intake.copying import Copied, Keeps, copy
from ivr.retention.intake.delivered import Delivered, UnfitError
from ivr.retention.intake.judging import NOTHING, Known
from ivr.retention.intake.ledger import (
    Ledger,
    entered,
    not_kept,
    set_aside,
)
from ivr.retention.intake.listing import Listing, Waiting
from ivr.retention.intake.outcome import Backlog, Taken
from ivr.storage.atomic import REAL, Disk
from ivr.storage.fault import describe

log = structlog.get_logger(__name__)

_ENOUGH = 3
"""So many refusals in a row are no single record's fault."""


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How much at once."""

    batch: int = 256
    """Records of one batch: one transaction, one sync of each folder."""
    batch_bytes: int = 256 << 20
    """Bytes of audio after which a batch is closed, so that long calls do not hold up others."""
    look_s: float = 1.0
    """How old a listing may be before the folder is listed again; at least ten times as old as it
    took to make."""
    threads: int = 2
    """Who copy at the same time."""


class Intake:
    """Takes in from spools. Belongs to one thread, and to one process at a time (:mod:`.alone`)."""

    def __init__(
        self,
        spools: Sequence[Path],
        archive: Archive,
        keeper: Keeps,
        books: Books,
        trail: Trail,
        aside: Path,
        *,
        destroy: Callable[[Sequence[str]], object],
        marks: Mapping[str, str],
        zone: tzinfo,
        clock: Callable[[], int],
        disk: Disk = REAL,
        limits: IntakeLimits | None = None,
    ) -> None:
        """``aside`` is the folder for what cannot be taken in, on a disk of the service's own.
        ``destroy`` destroys all there is of calls whose callers opted out in mid-call: in the
        archive, in ``aside`` and in the ``aside/`` of each spool. It tells the audit trail, and
        raises IvrError where it cannot. ``marks`` says which kind of hold a mark places. ``clock``
        tells milliseconds since 1970.
        """
        self.marks = marks
        """May be set anew where another schedule is adopted."""
        self.aside = Aside(aside, disk)
        self._folders = (aside, *(spool / "aside" for spool in spools))
        self._listings = [Listing(spool) for spool in spools]
        self._debris: list[set[str]] = [set() for _ in spools]
        """Calls whose records were removed, and perhaps not all of their audio."""
        self._looked = [-float("inf")] * len(spools)
        self._archive = archive
        self._keeper = keeper
        self._books = books
        self._ledger = Ledger(trail, books)
        self._destroy = destroy
        self._zone = zone
        self._clock = clock
        self._disk = disk
        self._limits = limits or IntakeLimits()
        self._pool = ThreadPoolExecutor(self._limits.threads, "intake")
        self._mended = False
        self._said = ""

    def take_in(self, most: int = 1 << 60, *, now: bool = False) -> Taken:
        """Take in what is there, as many records of each spool at most. ``now``: list the folders
        again, however lately they were.

        Never raises for what a disk, an archive or an index refuses: :attr:`Taken.error` has it,
        and all that was not taken is still in the spool.
        """
        came_to = Taken()
        try:
            if not self._mended:
                self._mend()
        except IvrError as error:
            came_to = Taken(error=error)
        else:
            for number in range(len(self._listings)):
                came_to += self._take_from(number, most, now)
        self._say(came_to.error)
        return came_to

    def backlog(self) -> Backlog:
        """What waits, as of the last look; cheap."""
        oldest = [each.oldest_ms for each in self._listings if each.oldest_ms is not None]
        return Backlog(
            sum(each.waiting for each in self._listings),
            sum(each.left for each in self._listings),
            sum(each.strange for each in self._listings),
            min(oldest, default=None),
        )

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown()

    def _mend(self) -> None:
        """Put right what a crash or a refusal left. Raises what refuses."""
        self._archive.empty_scratch()
        calls = self._ledger.mend()
        waiting: set[str] = set()
        for listing, debris in zip(self._listings, self._debris, strict=True):
            waiting |= listing.has_any(calls)
            debris |= calls
            self._clear_debris(listing, debris)
        self._ledger.keep_only(waiting)
        self._mended = True

    def _clear_debris(self, listing: Listing, debris: set[str]) -> None:
        """Remove audio whose record was removed before; where that is refused, at a later look."""
        if not debris:
            return
        try:
            audio = [listing.new / name for name in listing.audio_without_record(debris)]
            if audio:
                clear(self._disk, listing.new, (), audio)
            debris.clear()
        except DiskError as error:
            log.warning("leftovers could not be removed from the spool", error=str(error))

    def _take_from(self, number: int, most: int, now: bool) -> Taken:
        listing = self._listings[number]
        came_to = Taken()
        if not listing.queued:
            began = time.monotonic()
            if not now and began < self._looked[number]:
                return came_to
            try:
                listing.look()
                self._clear_debris(listing, self._debris[number])
            except DiskError as error:
                return Taken(error=error)
            finally:
                ended = time.monotonic()
                self._looked[number] = ended + max(self._limits.look_s, 10 * (ended - began))
        while most > 0 and (some := listing.take(min(most, self._limits.batch))):
            most -= len(some)
            one = self._batch(listing, some)
            came_to += one
            if one.error is not None and not one.taken:
                break
        return came_to

    def _batch(self, listing: Listing, some: Sequence[Waiting]) -> Taken:
        """A batch; where that is refused, each of it by itself: one of them may be the reason."""
        batch = Batch(listing)
        try:
            self._take(batch, some)
        except IvrError as error:
            self._mended = False
            if len(some) > 1:
                return self._one_by_one(listing, some, error)
            listing.put_off(some[0])
            return Taken(put_off=1, error=error)
        return batch.came_to

    def _one_by_one(self, listing: Listing, some: Sequence[Waiting], error: IvrError) -> Taken:
        came_to = Taken()
        refused = 0
        for number, waiting in enumerate(some):
            try:
                if not self._mended:
                    self._mend()
            except IvrError as unmended:
                refused, error = _ENOUGH, unmended
            if refused == _ENOUGH:
                for each in some[number:]:
                    listing.put_off(each)
                return came_to + Taken(put_off=len(some) - number, error=error)
            one = self._batch(listing, [waiting])
            refused = refused + 1 if one.error is not None else 0
            came_to += one
        return came_to

    def _take(self, batch: Batch, some: Sequence[Waiting]) -> None:
        """All steps of a batch. Raises IvrError where they cannot go on."""
        found = read_all(batch, some, self._zone, self._limits.batch_bytes)
        judge_all(batch, found, self._books, self._archive)
        self._destroyed(batch)
        self._enter(batch, self._copied(batch))
        self._set_aside(batch)
        self._ledger.write(batch.entries)
        records = [files[0] for _waiting, files in batch.leaving]
        audio = [path for _waiting, files in batch.leaving for path in files[1:]]
        if records:
            clear(self._disk, batch.listing.new, records, audio)
        self._ledger.cleared(waiting.call for waiting, _files in batch.leaving)

    def _destroyed(self, batch: Batch) -> None:
        """Step 2: nothing is left of what callers who opted out in mid-call said."""
        opted_out = [each for each in batch.keep if each.state == "destroyed"]
        if not opted_out:
            return
        calls = [each.call for each in opted_out]
        have = {call for call in calls if batch.known.get(call, NOTHING).recording}
        try:
            have.update(calls_among(self._folders, calls))
            if have:
                self._destroy(sorted(have))
        except IvrError as error:
            batch.keep = [each for each in batch.keep if each not in opted_out]
            for each in opted_out:
                batch.put_off(each.waiting, error)
            return
        for call in have:
            batch.known.pop(call, None)
        batch.came_to += Taken(destroyed=len(have))

    def _copied(self, batch: Batch) -> list[Copied]:
        """Step 3."""
        copied = []
        for each, made in zip(batch.keep, self._each_copied(batch.keep), strict=True):
            if isinstance(made, Copied):
                copied.append(made)
            elif isinstance(made, UnfitError):
                batch.unfit.append((each.waiting, made))
            else:
                batch.put_off(each.waiting, made)
        return copied

    def _each_copied(self, keep: Sequence[Delivered]) -> Iterable[Copied | UnfitError | IvrError]:
        if self._limits.threads > 1 and len(keep) > 1:
            return self._pool.map(self._copy, keep)
        return map(self._copy, keep)

    def _copy(self, delivered: Delivered) -> Copied | UnfitError | IvrError:
        """In one of the threads."""
        try:
            return copy(delivered, self._keeper, self._archive.scratch)
        except (UnfitError, IvrError) as error:
            return error
        except Exception as fault:  # noqa: BLE001  # the root of the thread's work
            return StoreError(
                f"{delivered.path}: a fault of the program's own: {describe(fault)}\n"
                "  it stays in the spool; keep the log, report it"
            )

    def _enter(self, batch: Batch, copied: Sequence[Copied]) -> None:
        """Steps 4 and 5. Raises IvrError."""
        if not copied:
            return
        self._archive.put([item for each in copied for item in each.items])
        old = [name for each in copied for name in _outdated(each, batch.known)]
        if old:
            self._archive.remove(old)
        rows = [(each.recording, each.number) for each in copied]
        note = self._ledger.note()
        came = self._books.enter(rows, self.marks, self._clock(), note)
        if came.gone:
            files = [each.recording.files for each in copied if each.recording.call in came.gone]
            self._archive.remove([name for some in files for name in some])
        new = []
        for each in copied:
            if each.recording.call in came.gone or each.recording.call in came.there:
                batch.listing.put_off(each.delivered.waiting)
                batch.came_to += Taken(put_off=1)
            else:
                new.append(each.recording)
                batch.leaves(each.delivered)
        batch.entries += entered(new, came.holds)
        batch.came_to += Taken(taken=len(new))

    def _set_aside(self, batch: Batch) -> None:
        """Step 6. What cannot be set aside is put off. Raises DiskError for the spool alone."""
        if not batch.unfit:
            return
        new = batch.listing.new
        audio = batch.listing.audio_of({waiting.call for waiting, _unfit in batch.unfit})
        for waiting, unfit in batch.unfit:
            names = (f"{waiting.call}.json", *sorted(audio[waiting.call]))
            files = tuple(new / name for name in names)
            if rule := batch.known.get(waiting.call, NOTHING).never:
                batch.entries.append(not_kept(waiting.call, rule))
                batch.leaving.append((waiting, files))
                batch.came_to += Taken(not_kept=1)
                continue
            why = f"{unfit.reason}: {unfit}"
            try:
                self.aside.put(files, why)
            except DiskError as error:
                batch.put_off(waiting, error)
                continue
            log.warning(
                "call set aside, as it could not be taken in",
                call=waiting.call, reason=unfit.reason, why=str(unfit),
            )  # fmt: skip
            batch.entries.append(set_aside(waiting.call, unfit))
            batch.leaving.append((waiting, files))
            batch.came_to += Taken(aside=Counter((unfit.reason,)))

    def _say(self, error: IvrError | None) -> None:
        """Tell of what refuses once, and again when it is another thing."""
        said = "" if error is None else str(error)
        if said and said != self._said:
            log.error("taking in is refused: records stay in the spool", error=said)
        self._said = said


def _outdated(copied: Copied, known: Mapping[str, Known]) -> Iterator[tuple[date, str]]:
    """What the archive has of the record that this one replaces."""
    have = known.get(copied.recording.call, NOTHING).recording
    if have is not None:
        new = set(copied.recording.files)
        yield from (name for name in have.files if name not in new)
