"""Read one record out of a spool, and see that what it says can be so (R22, R23).

Nothing here believes the spool: a record may be a link, a pipe, a gigabyte, or be made to name
another file of the host. Only ``new/<call>.wav`` and ``new/<call>.<part>.wav`` of its own call
are ever its audio.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Literal, NamedTuple

from ivr.core.record import SCHEMA
from ivr.errors import DiskError, SpoolError
from ivr.retention.intake.described import ended_of
from ivr.retention.intake.listing import Waiting
from ivr.storage.names import call_and_part
from ivr.storage.opened import NoFileError, opened, why_not
from ivr.storage.record_schema import ExemptModel, PartModel, RecordModel, parse_either

LONGEST = 16 << 20
"""Bytes of a record. The longest that an engine writes are a hundredth of that."""
_MOST = 1 << 53
"""No count of a recording is as large."""

Reason = Literal[
    "no-file", "too-long", "no-record", "other-call", "parts", "audio-missing", "audio-no-file",
    "audio-wrong", "another",
]  # fmt: skip
"""Why something was set aside, one word for metrics.

``no-file``: a link or pipe in a record's place. ``no-record``: no record of a schema that is known.
``other-call``: of another call than its name says. ``parts``: it names audio that cannot be its
own, or contradicts itself. ``audio-missing``, ``audio-no-file``, ``audio-wrong``: what it names is
not there, is a link or the like, or is not what was hashed. ``another``: a kept recording of a
call of which another one is kept.
"""


class UnfitError(Exception):
    """It cannot be taken in and never will be as it is: it is set aside."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason


class LeftError(Exception):
    """It stays where it is until it changes: it is a newer engine's, or a folder."""

    def __init__(self, reason: Literal["newer", "folder"], why: str) -> None:
        super().__init__(why)
        self.reason = reason


class Piece(NamedTuple):
    """One audio file that a record names."""

    path: Path
    number: int
    """Of the part, from 1."""
    sha256: str

    @property
    def stem(self) -> str:
        """Its name without the end."""
        return self.path.name.removesuffix(".wav")


@dataclass(frozen=True, slots=True)
class Delivered:
    """A record that can be taken in, as far as can be told without reading its audio."""

    waiting: Waiting
    path: Path
    data: bytes
    record: RecordModel | ExemptModel
    pieces: tuple[Piece, ...]
    day: date
    ended_ms: int

    @property
    def call(self) -> str:
        """The call's id."""
        return self.record.call

    @property
    def state(self) -> str:
        """As in the index: that of its recording, or ``exempt``."""
        return "exempt" if isinstance(self.record, ExemptModel) else self.record.recording.state

    @property
    def size(self) -> int:
        """Bytes of its audio, by what it says."""
        return 0 if isinstance(self.record, ExemptModel) else self.record.recording.size

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it is in the spool, the record first: so it is removed."""
        return (self.path, *(piece.path for piece in self.pieces))


def read(new: Path, waiting: Waiting, zone: tzinfo) -> Delivered:
    """Read a record of a spool's ``new/``.

    Raises FileNotFoundError where somebody else took it, UnfitError, LeftError and DiskError.
    """
    path = new / f"{waiting.call}.json"
    data = _bytes(path)
    try:
        record = parse_either(data, path.name)
    except SpoolError as error:
        if _is_newer(data):
            raise LeftError(
                "newer", f"{path}: is of a newer schema than {SCHEMA}, the newest that is known"
            ) from error
        raise UnfitError("no-record", str(error)) from error
    if record.call != waiting.call:
        raise UnfitError("other-call", f"is the record of another call, {record.call}")
    written = datetime.fromtimestamp(waiting.changed_ns // 1_000_000_000, UTC)
    try:
        day, ended_ms = ended_of(record, zone, written.astimezone(zone).date())
    except ValueError as error:
        raise UnfitError("no-record", f"its times are none of the calendar: {error}") from error
    pieces = () if isinstance(record, ExemptModel) else _pieces(new, record)
    return Delivered(waiting, path, data, record, pieces, day, ended_ms)


def _bytes(path: Path) -> bytes:
    try:
        with opened(path) as fd:
            if os.fstat(fd).st_size > LONGEST:
                raise UnfitError("too-long", f"is longer than {LONGEST >> 20} MiB, as no record is")
            with open(fd, "rb", closefd=False) as file:
                return file.read(LONGEST)
    except FileNotFoundError:
        raise
    except NoFileError as error:
        if path.is_dir() and not path.is_symlink():
            raise LeftError("folder", f"{path}: {error}; remove it") from error
        raise UnfitError("no-file", str(error)) from error
    except OSError as error:
        raise DiskError(
            f"{path}: {why_not(error)}\n  it stays there and is tried again; the files of the spool"
            " must be readable by this user's group (docs/spool.md)"
        ) from error


def _is_newer(data: bytes) -> bool:
    """Whether it says that it has a schema that is not known yet."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return False
    schema = said.get("schema") if isinstance(said, dict) else None
    return type(schema) is int and schema > SCHEMA


def _pieces(new: Path, record: RecordModel) -> tuple[Piece, ...]:
    """The audio that it names. Raises UnfitError where that cannot be its own."""
    sound = record.recording
    if (sound.state == "kept") != bool(sound.parts):
        said = f"says {sound.state} and names {len(sound.parts)} parts"
        raise UnfitError("parts", said)
    numbers = [_number(record.call, part) for part in sound.parts]
    if 0 in numbers or numbers != sorted(set(numbers)):
        named = ", ".join(repr(part.path) for part in sound.parts[:4])
        raise UnfitError("parts", f"names {named}, expected new/{record.call}.wav")
    if not all(part.sha256 for part in sound.parts):
        raise UnfitError("parts", "has no SHA-256 of its audio")
    if max(sound.duration_ms, sound.size) >= _MOST:
        raise UnfitError("parts", "has a length that no recording has")
    return tuple(
        Piece(new / part.path.removeprefix("new/"), number, part.sha256)
        for number, part in zip(numbers, sound.parts, strict=True)
    )


def _number(call: str, part: PartModel) -> int:
    """Which part of the call has this path; 0 where none has."""
    found = call_and_part(part.path.removeprefix("new/").removesuffix(".wav"))
    return found[1] if found is not None and found[0] == call else 0
