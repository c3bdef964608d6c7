"""Files that are whole or not there, whatever dies (R22).

A file is written under another name, synced, and renamed; then its folder is synced.
:class:`Disk` is the seam: tests replace a call of the system to see the order or to
make it fail. Nothing here belongs on the hub: all of it blocks.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import DiskError

_PIECE = 1 << 20


class SourceError(OSError):
    """What was to be copied cannot be read."""


def set_time(fd: int, ns: int) -> None:
    """When a file was last read and written, by the wall clock. Raises OSError."""
    os.utime(fd, ns=(ns, ns))


@dataclass(frozen=True, slots=True)
class Disk:
    """The calls of the system that durability rests on."""

    open: Callable[[str, int, int], int] = os.open
    fchmod: Callable[[int, int], None] = os.fchmod
    write: Callable[[int, bytes], int] = os.write
    pwrite: Callable[[int, bytes, int], int] = os.pwrite
    ftruncate: Callable[[int, int], None] = os.ftruncate
    set_time: Callable[[int, int], None] = set_time
    fdatasync: Callable[[int], None] = os.fdatasync
    fsync: Callable[[int], None] = os.fsync
    close: Callable[[int], None] = os.close
    rename: Callable[[str, str], None] = os.rename
    unlink: Callable[[str], None] = os.unlink


REAL = Disk()
"""The host's disk."""


def disk_error(what: str, path: str | Path, error: OSError) -> DiskError:
    """The error that says which file the disk refused, and what to do."""
    why = os.strerror(error.errno) if error.errno else str(error)
    return DiskError(
        f"{path}: cannot {what}: {why}\n"
        "  nothing is lost: it is tried again; free space or mend the disk or its rights"
    )


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """Write every byte, however many writes it takes. Raises OSError."""
    written = disk.write(fd, data)
    while written < len(data):
        data = data[written:]
        written = disk.write(fd, data)


def copy_all(disk: Disk, source: int, target: int) -> None:
    """Write all that an open file holds to the end of another one, and give it the same rights.

    Constant memory; what is read is read from the beginning, wherever the descriptor is. Raises
    SourceError where the first cannot be read, OSError where the second cannot be written.
    """
    at = 0
    while piece := _read(source, at):
        write_all(disk, target, piece)
        at += len(piece)
    disk.fchmod(target, stat.S_IMODE(os.fstat(source).st_mode))


def _read(fd: int, at: int) -> bytes:
    try:
        return os.pread(fd, _PIECE, at)
    except OSError as error:
        raise SourceError(*error.args) from error


def begin_writing_back(fd: int) -> None:
    """Have the disk begin with what was written, so that a later fsync waits less.

    Begun for a whole batch before the first fsync, it halves the price of the batch. Only
    a hint: what cannot take it (a pipe, some network file systems) goes without.
    """
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        return


def sync_folder(disk: Disk, folder: str) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = disk.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)


def write_new(disk: Disk, path: str, data: bytes, mode: int = 0o640) -> int:
    """Write a file from its beginning and hand back its descriptor, not yet synced.

    Its rights are ``mode`` whatever the process's umask, for a consumer reads records by their
    group (``docs/spool.md``). Raises OSError; then the descriptor is closed, and what is there
    of the file is left.
    """
    # Whoever else may write into the folder could have put a pipe there: it is not waited for.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    fd = disk.open(path, flags, mode)
    try:
        disk.fchmod(fd, mode)
        write_all(disk, fd, data)
    except BaseException:
        disk.close(fd)
        raise
    return fd


def write_durably(target: Path, data: bytes, scratch: Path, disk: Disk = REAL) -> None:
    """Put a whole file at ``target``, durably, by way of ``scratch`` (same file system).

    Raises DiskError; ``target`` is then what it was before.
    """
    try:
        fd = write_new(disk, str(scratch), data)
        try:
            disk.fsync(fd)
        finally:
            disk.close(fd)
        disk.rename(str(scratch), str(target))
        sync_folder(disk, str(target.parent))
    except OSError as error:
        raise disk_error("write", target, error) from error
