"""The journal's files on disk: written by one job at a time, read back after a crash (R22).

Segments are ``<number>.journal`` and are read in the order of their numbers. Everything
here blocks and runs in a thread, never on the hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.core.entries import Finished, Stamped
from ivr.errors import SpoolError
from ivr.storage.atomic import Disk, disk_error, sync_folder, write_all, write_durably
from ivr.storage.lines import parse

_NAME = re.compile(r"([0-9]{10})\.journal", re.ASCII)
_CALL_AT = len('{"c":"')
_CALL_END = _CALL_AT + 36


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of the journal that is no entry; the rest is read all the same."""

    segment: str
    line: int
    """From 1; 0 means the whole segment, which could not be read."""
    why: str
    data: bytes
    torn: bool
    """It is the segment's last line and has no end: the write that a crash cut short."""


@dataclass(frozen=True, slots=True)
class JournalledCall:
    """A call as the journal knows it."""

    call_id: str
    entries: tuple[Stamped, ...]
    """In the order in which they were appended."""
    next_number: int
    finished: bool
    """Its record is in the spool; nothing is left to do."""
    segment: int
    """Number of the oldest segment that holds entries of it."""

    @property
    def missing(self) -> int:
        """How many entries are known to be lost (bad lines)."""
        return self.next_number - len(self.entries)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a folder of segments says."""

    calls: tuple[JournalledCall, ...]
    """In the order in which they began."""
    bad: tuple[BadLine, ...]
    segments: tuple[int, ...]
    """Numbers of the segments that are there."""
    unreadable: tuple[int, ...] = ()
    """Those that could not be read at all; they are never removed."""

    def __iter__(self) -> Iterator[tuple[str, tuple[Stamped, ...]]]:
        """The calls that are not finished, each with its entries."""
        return ((call.call_id, call.entries) for call in self.calls if not call.finished)


class _Reader:
    """Entries by call, while segments are read."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[int, Stamped]] = {}
        self.oldest: dict[str, int] = {}
        self.bad: list[BadLine] = []
        self.unreadable: list[int] = []

    def segment(self, number: int, path: Path) -> None:
        """Read one segment; what is wrong with it is noted, nothing is raised."""
        try:
            data = path.read_bytes()
        except OSError as error:
            self.unreadable.append(number)
            self.bad.append(BadLine(path.name, 0, f"cannot be read: {error}", b"", False))
            return
        lines = data.split(b"\n")
        torn = lines.pop()
        for at, line in enumerate(lines, 1):
            try:
                told = parse(line)
            except SpoolError as error:
                self.bad.append(BadLine(path.name, at, str(error), line, False))
                continue
            self.entries.setdefault(told.call, {})[told.number] = told.stamped
            self.oldest.setdefault(told.call, number)
        if torn:
            self.bad.append(BadLine(path.name, len(lines) + 1, "it is cut short", torn, True))

    def calls(self) -> Iterator[JournalledCall]:
        """What was read of each call."""
        for call, numbered in self.entries.items():
            order = sorted(numbered)
            entries = tuple([numbered[number] for number in order])
            finished = any(isinstance(stamped.entry, Finished) for stamped in entries)
            yield JournalledCall(call, entries, order[-1] + 1, finished, self.oldest[call])


def segments_in(folder: Path) -> dict[int, Path]:
    """The segments of a folder by number, in order. Raises DiskError."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise disk_error("list", folder, error) from error
    found = ((_NAME.fullmatch(name), name) for name in names)
    return {int(match[1]): folder / name for match, name in found if match}


def read(folder: Path) -> Reading:
    """What the journal in ``folder`` says; changes nothing.

    A torn tail, a damaged line or an unreadable segment is in ``bad`` and does not stop the
    rest. Raises DiskError where the folder itself cannot be listed.
    """
    paths = segments_in(folder)
    reader = _Reader()
    for number, path in paths.items():
        reader.segment(number, path)
    return Reading(tuple(reader.calls()), tuple(reader.bad), tuple(paths), tuple(reader.unreadable))


def keep_bad_lines(reading: Reading, aside: Path) -> None:
    """Put damaged lines into ``aside``, a file a segment, before their segment goes.

    A torn line is not kept: it was never said to be on disk. Raises DiskError.
    """
    damaged: dict[str, list[BadLine]] = {}
    for bad in reading.bad:
        if bad.line and not bad.torn:
            damaged.setdefault(bad.segment, []).append(bad)
    for segment, lines in damaged.items():
        target = aside / f"{segment}.bad"
        why = "".join([f"line {bad.line}: {bad.why}\n" for bad in lines])
        write_durably(target, b"".join([bad.data + b"\n" for bad in lines]), aside / f".{segment}")
        write_durably(aside / f"{target.name}.why", why.encode(), aside / f".{segment}")


class SegmentWriter:
    """Appends to the newest segment; used by one thread at a time.

    After any error the segment is given up, for a failed sync leaves it unknown what is on
    disk: the caller writes the same bytes again, to a segment of a higher number.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._fd = -1
        self._number = 0
        self._kept = 0

    def path(self, number: int) -> str:
        """Where the segment of this number lies."""
        return f"{self._folder}/{number:010d}.journal"

    def write(self, number: int, data: bytes) -> None:
        """Append to segment ``number`` and return when it is on disk. Raises OSError."""
        disk = self._disk
        try:
            if number != self._number or self._fd < 0:
                self.close()
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._fd = disk.open(self.path(number), flags, 0o600)
                self._number, self._kept = number, 0
                sync_folder(disk, str(self._folder))
            write_all(disk, self._fd, data)
            disk.fdatasync(self._fd)
            self._kept += len(data)
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            self._disk.close(fd)
            if self._kept == 0:
                self._disk.unlink(self.path(self._number))
        except OSError:
            return  # the first error is the one to tell

    def close(self) -> None:
        """Close the segment. Raises OSError."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._disk.close(fd)

    def remove(self, numbers: tuple[int, ...]) -> None:
        """Remove segments, oldest first, stopping at the first that cannot be. Raises OSError."""
        if self._number in numbers:
            self.close()
        for number in numbers:
            try:
                self._disk.unlink(self.path(number))
            except FileNotFoundError:
                continue  # given up before anything of it was kept

    def lines_of(self, number: int, calls: frozenset[str]) -> tuple[tuple[str, bytes], ...]:
        """The whole lines of these calls in a segment. Raises OSError."""
        try:
            with open(self.path(number), "rb") as file:
                lines = [line for line in file if line.endswith(b"\n")]
        except FileNotFoundError:
            return ()
        named = ((line[_CALL_AT:_CALL_END].decode("ascii", "replace"), line) for line in lines)
        return tuple((call, line) for call, line in named if call in calls)
