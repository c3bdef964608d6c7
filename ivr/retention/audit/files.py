"""The files of the trail: each is named by the number of its first entry."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ivr.errors import StoreError
from ivr.retention.audit.line import LONGEST

_NAME = re.compile(r"([0-9]{12})\.log")
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the trail."""

    path: Path
    first: int
    """The number of its first entry, as its name says."""


def name_of(first: int) -> str:
    """``000000000001.log``."""
    return f"{first:012d}.log"


def torn_path(path: Path, seq: int, number: int) -> Path:
    """Where a torn end of a file is kept: ``seq`` is the entry that was to follow what is whole,
    ``number`` is more than 1 where the next write was torn too, before an entry told of it."""
    return path.with_name(f"{path.name}.torn-{seq}" + (f"-{number}" if number > 1 else ""))


def unreadable(path: Path, error: OSError) -> StoreError:
    """The error for what of the trail cannot be read."""
    why = os.strerror(error.errno) if error.errno else str(error)
    return StoreError(
        f"{path}: the audit trail cannot be read: {why}\n"
        "  mend the disk or the rights of the folder; nothing is done that cannot be audited"
    )


def log_files(folder: Path) -> list[LogFile]:
    """The files of the trail in order; none where there is no folder. Raises StoreError."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    found = [match for match in map(_NAME.fullmatch, names) if match]
    return sorted((LogFile(folder / each[0], int(each[1])) for each in found), key=_first)


def _first(file: LogFile) -> int:
    return file.first


def open_file(path: Path) -> BinaryIO:
    """Open for reading, never by way of a link. Raises OSError."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb")


def lines_backwards(path: Path, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Whole lines of a file from its end to its beginning, each with where it begins and without
    its end; bytes after the last line's end are passed over. Raises StoreError."""
    try:
        with open_file(path) as file:
            at = os.fstat(file.fileno()).st_size if end is None else end
            rest: bytes | None = None
            """What was seen of the line whose beginning was not seen; None before any."""
            while at:
                size = min(_BLOCK, at)
                at -= size
                pieces = os.pread(file.fileno(), size, at).split(b"\n")
                if rest is None:
                    size -= len(pieces.pop()) + 1
                    if not pieces:
                        continue
                    rest = b""
                begin = at + size - len(pieces[-1])
                pieces[-1] = (pieces[-1] + rest)[: LONGEST + 1]
                while len(pieces) > 1:
                    yield begin, pieces.pop()
                    begin -= len(pieces[-1]) + 1
                rest = pieces[0]
            if rest is not None:
                yield 0, rest
    except OSError as error:
        raise unreadable(path, error) from error
