"""Write the trail: an entry is on disk before what it tells of may happen (R17)."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Protocol

import structlog

from ivr.errors import DiskError, IvrError, UsageError
from ivr.retention.audit.files import LogFile, name_of, open_file, torn_path
from ivr.retention.audit.line import (
    LONGEST,
    Head,
    Logged,
    WallClock,
    canonical,
    chained,
    line_of,
    moment,
    seal,
    text_of,
)
from ivr.retention.audit.read import Wanted, last, read
from ivr.retention.audit.stores import HeadStore, ParticularsStore
from ivr.retention.audit.tail import Found, Tail, ends_with_part_of, find_tail, unchanged
from ivr.retention.model import Entry
from ivr.storage.atomic import REAL, Disk, disk_error, sync_folder, write_all, write_durably

log = structlog.get_logger(__name__)

SERVICE = "retention"
"""Who the service itself is in the trail."""
REPAIRED = "repaired"
"""The action of an entry that tells of a torn end which was moved away."""
MISSING = "missing"
"""The action of an entry that tells of entries which were on disk and are not there any more."""


class RealClock:
    """The host's clock."""

    def wall_ms(self) -> int:
        """See :class:`WallClock`."""
        return time.time_ns() // 1_000_000


class Signer(Protocol):
    """Signs check-points; see :class:`ivr.retention.audit.checkpoints.Checkpoints`."""

    def wrote(self, head: Head) -> None:
        """Called after each append, with the trail locked. Never raises."""

    def sign(self, head: Head) -> None:
        """Make a check-point of the head now. Raises DiskError."""


@dataclass(frozen=True, slots=True)
class TrailLimits:
    """When a new file is begun: looked at before each batch."""

    entries: int = 1_000_000
    size: int = 256 << 20


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Bytes whose write failed: whether they are on disk nobody knows."""

    path: Path
    size: int
    """Where they begin."""
    data: bytes


class Trail:
    """The audit trail in a folder. Threads may share one, processes each have their own."""

    def __init__(
        self,
        folder: Path,
        particulars: ParticularsStore,
        heads: HeadStore,
        clock: WallClock | None = None,
        *,
        signer: Signer | None = None,
        limits: TrailLimits | None = None,
        disk: Disk = REAL,
    ) -> None:
        """``signer`` makes the check-points. The folder is made with the first entry."""
        self.folder = folder
        self._particulars = particulars
        self._heads = heads
        self._clock = clock or RealClock()
        self._signer = signer
        self._limits = limits or TrailLimits()
        self._disk = disk
        self._lock = RLock()
        self._tail: Tail | None = None
        """None where nothing is believed."""
        self._doubt: _Doubt | None = None

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Write entries, in order, all with this moment; hands back their numbers.

        They are on disk when it returns, with one sync for all of them. Raises DiskError,
        StoreError, or UsageError for an entry longer than a line may be: **then what was to be
        audited must not happen**. What came of the entries is then not known: they are cut off
        where they can be.
        """
        if not entries:
            return []
        with self._exclusively():
            found = self._catch_up()
            told = self._told(found)
            numbers = self._write([*told, *entries], found.tail)
            return numbers[len(told) :]

    def head(self) -> Head:
        """The last entry; ``seq`` 0 in an empty trail. Raises StoreError or DiskError."""
        with self._exclusively():
            return self._catch_up().tail.head

    def sign(self) -> Head:
        """Make a check-point of the last entry now, where check-points are made.

        Raises StoreError or DiskError.
        """
        with self._exclusively():
            head = self._catch_up().tail.head
            if self._signer is not None and head.seq:
                self._signer.sign(head)
            return head

    def read(self, since: int = 1, wanted: Wanted | None = None) -> Iterator[Logged]:
        """The entries from number ``since`` on that are ``wanted``, the earliest first, one at a
        time. Lines that are none are passed over: ``verify`` tells of them. Raises StoreError."""
        return read(self.folder, since, wanted)

    def last(self, most: int, wanted: Wanted | None = None) -> list[Logged]:
        """The last entries that are ``wanted``, the earliest first; read from the end.

        Raises StoreError.
        """
        return last(self.folder, most, wanted)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Alone among threads and processes. Raises DiskError."""
        with self._lock:
            path = self.folder / "lock"
            try:
                self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                fd = os.open(path, flags, 0o640)
            except OSError as error:
                raise disk_error("open", path, error) from error
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                yield
            finally:
                os.close(fd)

    def _catch_up(self) -> Found:
        """Find the end, where another process, an earlier one or an error may have moved it.

        Raises DiskError or StoreError.
        """
        self._cut_doubt()
        if self._tail is not None and unchanged(self.folder, self._tail):
            return Found(self._tail, 0, None)
        head = self._heads.get()
        found = find_tail(self.folder, self._tail, head)
        if head is None:
            self._heads.set(found.tail.head)
        # What is to be repaired is looked at again until an entry tells of it.
        self._tail = found.tail if not found.torn and found.missing is None else None
        return found

    def _told(self, found: Found) -> list[Entry]:
        """Move what is torn out of the way, and make the entries that tell of what was found."""
        told = []
        seq = found.tail.head.seq + 1
        for torn, data in self._moved_away(found, seq):
            what = f"{len(data)} bytes of an unfinished write moved to {torn.name}"
            told.append(_own(REPAIRED, f"{what}, sha256 {sha256(data).hexdigest()}"))
        if found.missing is not None:
            gone, there = found.missing, found.tail.head
            detail = f"entry {gone.seq} was on disk with the hash {gone.hash.hex()}; the trail was"
            detail += f" found to end with entry {there.seq}, hash {there.hash.hex()}"
            told.append(_own(MISSING, detail))
            log.error("entries of the audit trail are missing", detail=detail)
        return told

    def _moved_away(self, found: Found, seq: int) -> list[tuple[Path, bytes]]:
        """Move a torn end out of the way; hands back what no entry tells of yet, also what an
        earlier process moved before it died. Raises DiskError."""
        file = found.tail.file
        if file is None:
            return []
        owed: list[tuple[Path, bytes]] = []
        torn = torn_path(file.path, seq, 1)
        try:
            while os.path.lexists(torn):
                owed.append((torn, _read_from(torn, 0)))
                torn = torn_path(file.path, seq, len(owed) + 1)
            if found.torn:
                data = _read_from(file.path, found.tail.size)
                if not owed or owed[-1][1] != data:
                    write_durably(torn, data, self.folder / "torn.tmp", self._disk)
                    owed.append((torn, data))
                self._cut(file.path, found.tail.size)
        except OSError as error:
            raise disk_error("repair", file.path, error) from error
        if found.torn:
            where, size = str(owed[-1][0]), len(owed[-1][1])
            log.warning(
                "an unfinished end of the audit trail was moved away", file=where, size=size
            )
        return owed

    def _cut(self, path: Path, size: int) -> None:
        """Make a file end at ``size``, durably. Raises OSError."""
        fd = self._disk.open(str(path), os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0)
        try:
            self._disk.ftruncate(fd, size)
            self._disk.fsync(fd)
        finally:
            self._disk.close(fd)

    def _write(self, entries: Sequence[Entry], tail: Tail) -> list[int]:
        """Write entries after the tail. Raises DiskError, StoreError or UsageError."""
        self._tail = None
        at = moment(self._clock.wall_ms())
        lines = []
        head = tail.head
        for entry in entries:
            seq = head.seq + 1
            text = text_of(entry, at, self._sealed(seq, entry))
            head = Head(seq, chained(head.hash, seq, text))
            lines.append(line_of(seq, head.hash, text))
            if len(lines[-1]) > LONGEST:
                raise UsageError(
                    f"an entry of the audit trail is too long: {len(lines[-1])} bytes, {LONGEST} at"
                    f" most\n  action {entry.action}, call {entry.call}: shorten its detail"
                )
        data = b"".join(lines)
        file, size = self._file_for(tail)
        try:
            self._add(file, size, data)
        except OSError as error:
            self._doubt = _Doubt(file.path, size, data)
            with suppress(DiskError):
                self._cut_doubt()
            raise disk_error("write the audit trail", file.path, error) from error
        self._tail = Tail(file, size + len(data), head)
        self._remember(head)
        return list(range(tail.head.seq + 1, head.seq + 1))

    def _sealed(self, seq: int, entry: Entry) -> str:
        """Keep an entry's particulars, before its line: one without the other, this way round,
        is harmless, and is replaced."""
        if not entry.particulars:
            return ""
        salt = secrets.token_hex(32)
        text = canonical(entry.particulars)
        self._particulars.put(seq, entry.call, entry.particulars.get("number", ""), salt, text)
        return seal(salt, text)

    def _file_for(self, tail: Tail) -> tuple[LogFile, int]:
        """The file that the next batch goes to, and where in it."""
        file, first = tail.file, tail.head.seq + 1
        if file is not None:
            full = first - file.first >= self._limits.entries or tail.size >= self._limits.size
            if not full:
                return file, tail.size
        return LogFile(self.folder / name_of(first), first), 0

    def _add(self, file: LogFile, size: int, data: bytes) -> None:
        """Write at the end of a file, durably. Raises OSError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = self._disk.open(str(file.path), flags, 0o640)
        try:
            write_all(self._disk, fd, data)
            self._disk.fdatasync(fd)
        finally:
            self._disk.close(fd)
        if size == 0:
            sync_folder(self._disk, str(self.folder))

    def _cut_doubt(self) -> None:
        """Cut off what a failed write may have left, unless others wrote since. Raises DiskError.

        A disk that refused a sync may show bytes that it has not got, so they are not kept.
        """
        doubt = self._doubt
        if doubt is None:
            return
        try:
            with suppress(FileNotFoundError):
                if ends_with_part_of(doubt.data, doubt.path, doubt.size):
                    self._cut(doubt.path, doubt.size)
        except OSError as error:
            raise disk_error("cut back", doubt.path, error) from error
        self._doubt = None

    def _remember(self, head: Head) -> None:
        """Tell where the trail ends. The entries are on disk whatever comes of it."""
        try:
            self._heads.set(head)
        except IvrError as error:
            log.warning("the end of the audit trail could not be remembered", error=str(error))
        if self._signer is not None:
            self._signer.wrote(head)


def _own(action: str, detail: str) -> Entry:
    return Entry(action=action, who=SERVICE, outcome="done", detail=detail)


def _read_from(path: Path, at: int) -> bytes:
    """A file's bytes from a place on. Raises OSError."""
    with open_file(path) as file:
        file.seek(at)
        return file.read()
