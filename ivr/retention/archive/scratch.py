"""Files that are being made: named ones that are to be put, and nameless ones that none must find.

Plaintext of what is sealed never has a name: it is gone with the process, whatever kills it.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ivr.storage.atomic import (
    Disk,
    SourceError,
    begin_writing_back,
    disk_error,
    sync_folder,
    write_all,
)

_NEW = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 20
_PRIVATE = 0o600


def prepare(folder: Path, mode: int) -> bool:
    """Make a folder with these rights, whatever the umask; says whether it was not there. Raises
    OSError."""
    try:
        os.mkdir(folder, mode)
    except FileExistsError:
        if os.path.isdir(folder):
            return False
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    os.chmod(folder, mode)
    return True


def empty(folder: Path, disk: Disk) -> None:
    """Remove all files of a folder, durably. Raises DiskError."""
    try:
        names = os.listdir(folder)
        for name in names:
            disk.unlink(str(folder / name))
        if names:
            sync_folder(disk, str(folder))
    except OSError as error:
        raise disk_error("empty", folder, error) from error


@contextmanager
def writing(path: Path, disk: Disk, *, nameless: bool = False) -> Iterator[int]:
    """A new file, open for reading and writing, that is not synced; a nameless one is gone when it
    is closed. What is left of it by an error is removed. Raises DiskError for the disk's refusals.
    """
    try:
        fd = disk.open(str(path), _NEW, _PRIVATE)
        try:
            if nameless:
                disk.unlink(str(path))
            yield fd
            if not nameless:
                begin_writing_back(fd)
        finally:
            disk.close(fd)
    except BaseException as error:
        with suppress(OSError):
            disk.unlink(str(path))
        if isinstance(error, OSError) and not isinstance(error, SourceError):
            raise disk_error("write", path, error) from error
        raise


class Target:
    """What is written to an open file, counted and hashed on its way."""

    def __init__(self, fd: int, disk: Disk) -> None:
        self._fd = fd
        self._disk = disk
        self._digest = hashlib.sha256()
        self._left = bytearray()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Take all of it. Raises OSError."""
        self._left += data
        if len(self._left) >= _PIECE:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Write what was taken. Raises OSError."""
        if self._left:
            data = bytes(self._left)
            self._left.clear()
            write_all(self._disk, self._fd, data)
            self._digest.update(data)
            self.size += len(data)

    @property
    def sha256(self) -> str:
        """Of all that was written, lower-case hex."""
        return self._digest.hexdigest()


class Source:
    """An open file, read once from its beginning and hashed on its way."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._digest = hashlib.sha256()
        self._piece = b""
        self._at = 0
        self.size = 0

    def read(self, count: int = _PIECE) -> bytes:
        """At most so many bytes; none at the end. Raises SourceError."""
        if self._at >= len(self._piece):
            try:
                self._piece = os.pread(self._fd, _PIECE, self.size)
            except OSError as error:
                raise SourceError(*error.args) from error
            self._digest.update(self._piece)
            self.size += len(self._piece)
            self._at = 0
        piece = self._piece[self._at : self._at + count]
        self._at += len(piece)
        return piece

    def drain(self) -> None:
        """Read what is left. Raises SourceError."""
        while self.read():
            pass

    @property
    def sha256(self) -> str:
        """Of all that was read, lower-case hex."""
        return self._digest.hexdigest()
