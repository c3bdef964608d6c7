"""The journal's files on disk: written by one job at a time, read back after a crash (R22).

Segments are ``<number>.journal`` and are read in the order of their numbers. They lie in the
journal's folder, and in its spare one as far as the first refused them; no number is in both.
Everything here blocks and runs in a thread, never on the hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from errno import ESTALE
from pathlib import Path

from ivr.core.entries import Arrived, Finished, Stamp, Stamped
from ivr.errors import DiskError, SpoolError
from ivr.storage.atomic import Disk, disk_error, sync_folder, write_all, write_durably
from ivr.storage.lines import Line, parse

_NAME = re.compile(r"([0-9]{10})\.journal", re.ASCII)
_CALL_AT = len('{"c":"')
_CALL_END = _CALL_AT + 36
_OVER = b',"k":"Finished","d":'
"""In a line, but nowhere in what strangers put into one, where quotes are escaped."""


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
    paths: tuple[tuple[int, Path], ...] = ()
    """Where each segment lies."""
    spare_away: bool = False
    """The spare folder could not be listed: there may be calls that only it knows."""

    def __iter__(self) -> Iterator[tuple[str, tuple[Stamped, ...]]]:
        """The calls that are not finished, each with its entries."""
        return ((call.call_id, call.entries) for call in self.calls if not call.finished)


class _Reader:
    """Entries by call, while segments are read."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[int, Stamped]] = {}
        self.oldest: dict[str, int] = {}
        self.finished: dict[str, Stamp] = {}
        self.before: dict[str, set[tuple[int, Stamped]]] = {}
        """Entries of calls that were finished and began again."""
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
            self._take(number, told)
        if torn:
            self.bad.append(BadLine(path.name, len(lines) + 1, "it is cut short", torn, True))

    def _take(self, number: int, told: Line) -> None:
        call, stamped = told.call, told.stamped
        if (told.number, stamped) in self.before.get(call, ()):
            return  # carried over with what came after it
        over = self.finished.get(call)
        arrives = told.number == 0 and isinstance(stamped.entry, Arrived)
        if arrives and over is not None and stamped.stamp.wall_ms > over.wall_ms:
            # It was left to another engine, and came back.
            self.before.setdefault(call, set()).update(self.entries.pop(call).items())
            del self.finished[call], self.oldest[call]
        self.entries.setdefault(call, {})[told.number] = stamped
        self.oldest.setdefault(call, number)
        if isinstance(stamped.entry, Finished):
            self.finished[call] = stamped.stamp  # whatever another folder has in its place

    def calls(self) -> Iterator[JournalledCall]:
        """What was read of each call."""
        for call, numbered in self.entries.items():
            order = sorted(numbered)
            entries = tuple([numbered[number] for number in order])
            over = call in self.finished
            yield JournalledCall(call, entries, order[-1] + 1, over, self.oldest[call])


def segments_in(folder: Path) -> dict[int, Path]:
    """The segments of a folder by number, in order. Raises DiskError."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise disk_error("list", folder, error) from error
    found = ((_NAME.fullmatch(name), name) for name in names)
    return {int(match[1]): folder / name for match, name in found if match}


def read(folder: Path, spare: Path | None = None) -> Reading:
    """What the journal in ``folder`` and in its spare folder says; changes nothing.

    A torn tail, a damaged line, an unreadable segment or spare folder is in ``bad`` and does not
    stop the rest. Raises DiskError where the folder itself cannot be listed.
    """
    paths = list(segments_in(folder).items())
    reader = _Reader()
    away = False
    if spare is not None:
        try:
            paths += segments_in(spare).items()
        except DiskError as error:
            away = True
            reader.bad.append(BadLine(spare.name, 0, str(error), b"", False))
    paths.sort()
    for number, path in paths:
        reader.segment(number, path)
    numbers = tuple(dict.fromkeys(number for number, _path in paths))
    calls = tuple(reader.calls())
    unread = tuple(reader.unreadable)
    return Reading(calls, tuple(reader.bad), numbers, unread, tuple(paths), away)


def keep_bad_lines(reading: Reading, aside: Path) -> None:
    """Put damaged lines into ``aside``, a file a segment, before their segment goes; of a segment
    that cannot be read, and stays where it is, only the reason.

    A torn line is not kept: it was never said to be on disk. Raises DiskError.
    """
    damaged: dict[str, list[BadLine]] = {}
    for bad in reading.bad:
        if not bad.torn:
            damaged.setdefault(bad.segment, []).append(bad)
    for segment, lines in damaged.items():
        scratch = aside / f".{segment}"
        if unread := [bad.why for bad in lines if not bad.line]:
            why = "".join(
                [f"{each}\n  it stays there, and each start tries again\n" for each in unread]
            )
            write_durably(aside / f"{segment}.why", why.encode("utf-8", "replace"), scratch)
        if kept := [bad for bad in lines if bad.line]:
            data = b"".join([bad.data + b"\n" for bad in kept])
            target = _not_taken(aside / f"{segment}.bad", data)
            why = "".join([f"line {bad.line}: {bad.why}\n" for bad in kept])
            write_durably(target, data, scratch)
            write_durably(aside / f"{target.name}.why", why.encode(), scratch)


def no_more_unread(reading: Reading, aside: Path, spare: Path | None) -> None:
    """Remove what earlier starts said of segments, and of a spare folder, that can be read now."""
    unread = {bad.segment for bad in reading.bad if not bad.line}
    named = {path.name for _number, path in reading.paths} | ({spare.name} if spare else set())
    for name in named - unread:
        with suppress(OSError):
            (aside / f"{name}.why").unlink()


def _not_taken(path: Path, data: bytes) -> Path:
    """The path, or one like it where something else lies there: a journal that was empty begins
    with the same numbers again."""
    free, number = path, 1
    while os.path.lexists(free):
        try:
            if free.read_bytes() == data:
                break
        except OSError:
            pass
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free


class SegmentWriter:
    """Appends to the newest segment; used by one thread at a time.

    After any error the segment is given up, for a failed sync leaves it unknown what is on
    disk: the same bytes are written again, to a segment of a higher number, in the other folder
    where there is one.
    """

    def __init__(self, folder: Path, disk: Disk, spare: Path | None = None) -> None:
        self._folders = (folder,) if spare is None else (folder, spare)
        self._disk = disk
        self._fd = -1
        self._number = 0
        self._kept = 0
        self._paths: dict[int, list[str]] = {}

    def adopt(self, paths: Iterable[tuple[int, Path]]) -> None:
        """Take over the segments that an earlier engine left, to be removed by their numbers."""
        for number, path in paths:
            self._paths.setdefault(number, []).append(str(path))

    def path(self, number: int, *, spare: bool = False) -> str:
        """Where the segment of this number goes."""
        return f"{self._folders[spare]}/{number:010d}.journal"

    def write(self, number: int, data: bytes, *, spare: bool = False) -> tuple[int, OSError | None]:
        """Append to segment ``number``, which is or goes into the spare folder or not, and return
        when it is on disk.

        Where its folder refuses, the next free number is begun in the other one. Returns the
        segment that took it, and what the first folder refused it with. Raises OSError where none
        did.
        """
        try:
            self._append(number, data, spare)
        except OSError as error:
            if len(self._folders) == 1:
                raise
            refused = error
        else:
            return number, None
        free = number + 1
        while os.path.lexists(self.path(free, spare=not spare)):
            free += 1  # of an engine that started while that folder was away
        try:
            self._append(free, data, not spare)
        except OSError as error:
            raise (error if spare else refused) from refused
        return free, refused

    def _append(self, number: int, data: bytes, spare: bool) -> None:
        disk = self._disk
        try:
            if number != self._number or self._fd < 0:
                self.close()
                path = self.path(number, spare=spare)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._fd = disk.open(path, flags, 0o600)
                self._number, self._kept, self._paths[number] = number, 0, [path]
                sync_folder(disk, str(self._folders[spare]))
            elif not os.path.samestat(os.stat(self._paths[number][0]), os.fstat(self._fd)):
                raise OSError(ESTALE, os.strerror(ESTALE))  # what nobody can find is not on disk
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
                self._disk.unlink(self._paths[self._number][0])
                del self._paths[self._number]
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
            for path in self._paths.get(number, ()):
                try:
                    self._disk.unlink(path)
                except FileNotFoundError:
                    _only_the_file(path)
            self._paths.pop(number, None)

    def lines_of(self, number: int, calls: frozenset[str]) -> tuple[tuple[str, bytes], ...]:
        """The whole lines of these calls in a segment, but for those of a life before, which
        ended in it. Raises OSError."""
        lines: list[bytes] = []
        for path in self._paths.get(number, ()):
            try:
                with open(path, "rb") as file:
                    lines += [line for line in file if line.endswith(b"\n")]
            except FileNotFoundError:
                _only_the_file(path)
        named = ((line[_CALL_AT:_CALL_END].decode("ascii", "replace"), line) for line in lines)
        found: dict[str, list[bytes]] = {}
        for call, line in named:
            if call in calls:
                if _OVER in line:
                    found.pop(call, None)
                else:
                    found.setdefault(call, []).append(line)
        return tuple((call, line) for call, lines in found.items() for line in lines)


def _only_the_file(path: str) -> None:
    """That a segment is gone and not its whole folder, which may come back with it, such as one
    whose disk is away. Raises OSError."""
    os.stat(os.path.dirname(path))
