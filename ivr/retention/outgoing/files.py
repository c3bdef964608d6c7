"""The mails that wait, as files of the queue's folder: 0600, named by their call (R14, R15)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ivr.errors import SetupError
from ivr.storage.atomic import REAL, Disk, disk_error, sync_folder, write_all, write_new

_ID = 36
_LOCK = "lock"
_END = ".eml"


class Files:
    """The folder. Every method raises DiskError where the disk refuses."""

    def __init__(self, folder: Path, disk: Disk = REAL) -> None:
        """Makes the folder, 0700, where it is not there."""
        self._folder = folder
        self._disk = disk
        self._locked: int | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error("make the folder of mails", folder, error) from error

    @staticmethod
    def name(call: str, mail: str) -> str:
        """The file of a mail: it begins with the call, so that it ends with it."""
        return f"{call}.{mail}{_END}"

    def lock(self) -> None:
        """Be the one process that sends. Raises SetupError where another one is."""
        path = self._folder / _LOCK
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise disk_error("lock", path, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise SetupError(
                f"{path}: another process sends the mails already; is the service running?"
            ) from error
        self._locked = fd

    def unlock(self) -> None:
        """Let another process send."""
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def write(self, name: str, data: bytes) -> None:
        """Put a mail into the folder, durably."""
        path = self._folder / name
        try:
            fd = write_new(self._disk, str(path), b"", 0o600)
            try:
                write_all(self._disk, fd, data)
                self._disk.fsync(fd)
            finally:
                self._disk.close(fd)
            sync_folder(self._disk, str(self._folder))
        except OSError as error:
            raise disk_error("keep a mail in", path, error) from error

    def read(self, name: str) -> bytes | None:
        """A mail; None where it is not there."""
        path = self._folder / name
        try:
            with open(path, "rb", opener=_no_link) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error("read a mail from", path, error) from error

    def remove(self, names: Iterable[str]) -> None:
        """Remove mails, durably; one that is not there is well."""
        self._remove([name for name in names if name])

    def remove_of(self, calls: Collection[str]) -> None:
        """Remove every mail with a copy of these calls, whether the index knows of it or not."""
        wanted = frozenset(calls)
        self._remove_where(lambda name: name[:_ID] in wanted)

    def remove_but(self, names: Collection[str]) -> None:
        """Remove every mail that is none of these: what a crash left."""
        self._remove_where(lambda name: name not in names)

    def _remove_where(self, doomed: Callable[[str], bool]) -> None:
        try:
            names = [name for name in os.listdir(self._folder) if name.endswith(_END)]
        except OSError as error:
            raise disk_error("look into", self._folder, error) from error
        self._remove([name for name in names if doomed(name)])

    def _remove(self, names: list[str]) -> None:
        removed = False
        try:
            for name in names:
                try:
                    self._disk.unlink(str(self._folder / name))
                    removed = True
                except FileNotFoundError:
                    continue
            if removed:
                sync_folder(self._disk, str(self._folder))
        except OSError as error:
            raise disk_error("remove a mail from", self._folder, error) from error


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
