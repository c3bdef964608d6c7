"""Makes an index that was lost anew: recordings from the archive; cases, holds and what was
destroyed from the audit trail, which has an entry of each change (R13, R14, R17).

What is lost for good are the particulars of the audit trail's entries and the mails that waited:
they were in the index alone. Numbers of a sealed archive need the site's secret key once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from ivr.errors import SpoolError, StoreError
from ivr.retention.archive.names import Named, named
from ivr.retention.archive.protocol import Archive
from ivr.retention.archive.reader import Reader
from ivr.retention.archive.scratch import Source
from ivr.retention.archive.sealing import SealedError
from ivr.retention.audit.trail import Trail
from ivr.retention.index.chunks import chunks
from ivr.retention.index.database import Database
from ivr.retention.index.recordings import Recordings
from ivr.retention.index.retold import Restored, restore, retold
from ivr.retention.intake.described import ended_of, number_of, recording_of
from ivr.retention.model import Format, Part, Recording
from ivr.storage.record_schema import ExemptModel, RecordModel, parse_either

BATCH = 500
"""Recordings that are added together, durably."""
Progress = Callable[[int, int], None]
"""Is told how many days of the archive are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found."""

    recordings: int
    """Of the archive that are in the index now and were not before."""
    restored: Restored | None
    """What the audit trail told of; None where the index had cases or holds, which were left as
    they are."""
    gone: tuple[str, ...]
    """Calls of which the archive holds files although the audit trail says that they were
    destroyed. They are not in the index."""
    faults: tuple[str, ...]
    """Records that could not be read, each with the reason. What is wrong with them is to be
    mended, and the index rebuilt once more."""


def rebuild(
    database: Database,
    recordings: Recordings,
    archive: Archive,
    reader: Reader,
    trail: Trail,
    zone: tzinfo,
    progress: Progress = lambda done, of: None,
    in_spool: Callable[[str, bytes], bool] = lambda call, record: False,
) -> Rebuilt:
    """Bring back what the index lost; what it has stays. Killed at any moment it goes on when it is
    begun again.

    What ``in_spool`` says still lies in a spool, the very same record, is left to be taken in from
    there: whoever was killed before it was entered has not placed the holds of its marks either.

    Cases and holds come before recordings: none is ever there without what holds it. Raises
    StoreError where trail, archive or database cannot be read, SealedError where the archive is
    sealed and its secret key is not here, DiskError.
    """
    # The whole trail is read before anything is changed: half of it would be wrong.
    told = retold(trail, zone)
    restored = restore(database, told)
    added, gone, faults = 0, list[str](), list[str]()
    days = archive.days()
    for done, day in enumerate(days):
        progress(done, len(days))
        for batch in chunks(_of_day(archive, day), BATCH):
            found = []
            for record, parts in batch:
                try:
                    read = _read(archive, reader, day, record, parts, zone, in_spool)
                except SealedError:
                    raise
                except (SpoolError, StoreError, ValueError) as error:
                    faults.append(f"{day}/{record}: {error}")
                else:
                    if read is not None:
                        found.append(read)
            what = recordings.add(found)
            added += len(what.new)
            gone += what.gone
    progress(len(days), len(days))
    return Rebuilt(added, restored, tuple(gone), tuple(faults))


def _of_day(archive: Archive, day: date) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The records of a day, each with the names of its audio in order."""
    records: dict[str, str] = {}
    parts: dict[str, list[tuple[int, str]]] = {}
    for name in archive.names(day):
        says = named(name)
        if says is None:
            continue
        if says.kind == "json":
            records[says.call] = name
        else:
            parts.setdefault(says.call, []).append((says.part, name))
    for call, name in records.items():
        yield name, tuple(part for _, part in sorted(parts.get(call, ())))


def _read(
    archive: Archive,
    reader: Reader,
    day: date,
    name: str,
    parts: Sequence[str],
    zone: tzinfo,
    in_spool: Callable[[str, bytes], bool],
) -> tuple[Recording, str] | None:
    """A recording, with its customer's number; None where it still lies in a spool. The folder
    that it lies in is its day's."""
    data, filed = reader.stored(day, name)
    if in_spool(_said(name).call, data):
        return None
    record = parse_either(data, name)
    _, ended_ms = ended_of(record, zone, day)
    says = [_said(each) for each in parts]
    found = [
        _part(archive, record, day, part, each) for part, each in zip(parts, says, strict=True)
    ]
    kind: Format = "wav"
    if says and says[0].kind != "json":
        kind = says[0].kind
    row = recording_of(record, day, ended_ms, filed, found, kind, sealed=_said(name).sealed)
    return row, number_of(record)


def _part(
    archive: Archive, record: RecordModel | ExemptModel, day: date, name: str, says: Named
) -> Part:
    """A part of the audio. Where it is kept as the engine wrote it, the record has its hash; else
    it is read."""
    if says.kind == "wav" and not says.sealed and not isinstance(record, ExemptModel):
        for part in record.recording.parts:
            if part.path == f"new/{name}":
                return Part(name, part.size, part.sha256)
    with archive.open(day, name) as file:
        source = Source(file.fileno())
        source.drain()
    return Part(name, source.size, source.sha256)


def _said(name: str) -> Named:
    says = named(name)
    if says is None:
        raise StoreError(f"{name} is no name of the archive")
    return says
