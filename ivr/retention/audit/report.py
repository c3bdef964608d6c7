"""What verifying the trail found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ivr.retention.audit.line import Head

MOST = 1000
"""Faults that are listed; the others are counted."""


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    """An entry is not what was written, or the one before it is not."""
    DROPPED = "dropped"
    """Entries are missing between others."""
    REORDERED = "re-ordered"
    """An entry does not stand where it was written."""
    DOUBLED = "doubled"
    """An entry's number stands twice."""
    TRUNCATED = "truncated"
    """Entries that were on disk are missing at the end."""
    FOREIGN = "foreign"
    """Bytes that are no entry."""
    FILE_MISSING = "file missing"
    """A whole file is gone, or named for another entry."""
    REWRITTEN = "rewritten"
    """The chain was computed again after a change: a check-point shows it."""
    CHECKPOINT = "check-point"
    """A check-point is damaged, not signed by the key, or was removed."""
    PARTICULARS = "particulars"
    """An entry's particulars are not those that were written."""


class Place(NamedTuple):
    """A line of a file; ordered as the files are."""

    order: int
    """Which file, from 0; check-points come after the trail."""
    file: str
    """Its name in the folder, or its path outside."""
    line: int
    """From 1; 0 is the file as a whole."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    place: Place
    seq: int
    """The entry's number; of several that are missing the first; 0 where there is none."""
    kind: Kind
    text: str
    """A sentence for a person."""

    def __str__(self) -> str:
        where = f"{self.place.file}:{self.place.line}" if self.place.line else self.place.file
        return f"{where}: {self.kind}: {self.text}"


@dataclass(frozen=True, slots=True)
class Torn:
    """What a crash left at the end: no entry that was vouched for. The next one repairs it."""

    place: Place
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Report:
    """What verifying found."""

    entries: int
    """Entries that are there and fit."""
    files: int
    head: Head
    """The last entry."""
    faults: tuple[Fault, ...]
    """In the order of their places, :data:`MOST` at most."""
    more: int
    """Faults that are not listed."""
    torn: Torn | None
    check_points: int
    """Check-points, the same one once, that are signed and fit."""
    particulars: int
    """Entries whose particulars are there and fit."""
    gone: int
    """Entries whose particulars are gone, as they are once their recording is destroyed."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong; a torn end is not."""
        return not self.faults


@dataclass(slots=True)
class Findings:
    """Gathers faults."""

    faults: list[Fault] = field(default_factory=list)
    more: int = 0

    def add(self, place: Place, seq: int, kind: Kind, text: str) -> None:
        """One more."""
        if len(self.faults) < MOST:
            self.faults.append(Fault(place, seq, kind, text))
        else:
            self.more += 1
