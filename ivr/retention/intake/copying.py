"""Copy what a record names into the archive's scratch folder, checked on the way (R22)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ivr.core.timeline import Stretch
from ivr.errors import SpoolError
from ivr.retention.archive.keeper import paused_in
from ivr.retention.archive.protocol import Item
from ivr.retention.intake.delivered import Delivered, Piece, UnfitError
from ivr.retention.intake.described import number_of, recording_of
from ivr.retention.model import Format, Part, Recording
from ivr.storage.opened import kind_of
from ivr.storage.record_schema import RecordModel


class Keeps(Protocol):
    """What is used of :class:`ivr.retention.archive.keeper.Keeper`."""

    form: Format

    @property
    def sealed(self) -> bool:
        """Whether what it makes is sealed."""

    def keep(
        self,
        source: Path,
        sha256: str,
        stem: str,
        scratch: Path,
        silences: Sequence[Stretch] = (),
    ) -> Part:
        """Make a part's file. Raises SpoolError and DiskError."""

    def keep_record(self, data: bytes, call: str, scratch: Path) -> Part:
        """Make a record's file. Raises DiskError."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A record whose files lie in the scratch folder, ready to be put."""

    delivered: Delivered
    recording: Recording
    number: str
    """The customer's, as it came."""
    items: tuple[Item, ...]
    """The audio, then the record: whoever finds a record in the archive finds its audio."""


def copy(delivered: Delivered, keeper: Keeps, scratch: Path) -> Copied:
    """Copy one record and its audio. Nothing is synced: putting does that.

    Raises UnfitError where the audio is not what the record tells of, and DiskError. Nothing of it
    is left in the scratch folder then.
    """
    parts: list[Part] = []
    record = delivered.record
    try:
        for piece in delivered.pieces:
            _see(piece)
            silences = paused_in(record, piece.number) if isinstance(record, RecordModel) else ()
            parts.append(_keep(keeper, piece, scratch, silences))
        filed = keeper.keep_record(delivered.data, delivered.call, scratch)
    except BaseException:
        discard(scratch, parts)
        raise
    row = recording_of(
        record,
        delivered.day,
        delivered.ended_ms,
        filed,
        parts,
        keeper.form,
        sealed=keeper.sealed,
    )
    items = tuple(Item(delivered.day, part.name, scratch / part.name) for part in (*parts, filed))
    return Copied(delivered, row, number_of(record), items)


def discard(scratch: Path, parts: Sequence[Part]) -> None:
    """Remove what was made; what cannot be removed goes when the scratch folder is emptied."""
    for part in parts:
        with suppress(OSError):
            os.unlink(scratch / part.name)


def _see(piece: Piece) -> None:
    """That a file is there. Raises UnfitError."""
    try:
        kind = kind_of(os.lstat(piece.path).st_mode)
    except FileNotFoundError as error:
        raise UnfitError("audio-missing", f"{piece.path.name} is not there") from error
    except OSError:
        return  # whoever opens it tells why it cannot be read
    if kind:
        raise UnfitError("audio-no-file", f"{piece.path.name} is {kind}, expected a recording")


def _keep(keeper: Keeps, piece: Piece, scratch: Path, silences: Sequence[Stretch]) -> Part:
    try:
        return keeper.keep(piece.path, piece.sha256, piece.stem, scratch, silences)
    except SpoolError as error:
        raise UnfitError("audio-wrong", str(error)) from error
