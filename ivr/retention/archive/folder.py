"""The archive in a folder: ``<folder>/<day>/<name>`` (R12, R22).

All of it belongs to the one user that runs the retention layer. A link is never followed, and
nothing outside the folder is touched. Blocks.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import BinaryIO

from ivr.errors import DiskError, SetupError, StoreError
from ivr.retention.archive.abreast import AT_ONCE, each
from ivr.retention.archive.belonging import NAME, Belonging, word_in
from ivr.retention.archive.names import checked_name, day_of, named
from ivr.retention.archive.protocol import Item
from ivr.retention.archive.scratch import empty, prepare
from ivr.storage.atomic import REAL, Disk, disk_error, sync_folder, write_durably
from ivr.storage.opened import kind_of

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_EMPTY = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 5


class FolderArchive:
    """See :class:`~ivr.retention.archive.protocol.Archive`.

    Files get ``mode`` and folders ``folder_mode`` whatever the umask is. So many threads as
    ``at_once`` says sync a batch, and remove it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mode: int = 0o640,
        folder_mode: int = 0o750,
        disk: Disk = REAL,
        at_once: int = AT_ONCE,
        belonging: Belonging | None = None,
    ) -> None:
        """Make the folder where its parent is there. Raises SetupError where that cannot be.

        ``belonging`` is how it is told from an empty mount point.
        """
        self._folder = folder
        self._mode = mode
        self._folder_mode = folder_mode
        self._disk = disk
        self._at_once = at_once
        self._belonging = belonging
        self._scratch = folder / ".scratch"
        try:
            made = not folder.is_dir()
            for path, rights in ((folder, folder_mode), (self._scratch, 0o700)):
                prepare(path, rights)
            if made:
                sync_folder(disk, str(folder.parent))
        except OSError as error:
            raise SetupError(
                f"{folder}: cannot be the archive: {os.strerror(error.errno or 0)}\n"
                "  expected a folder that this user may write, on a disk that is mounted"
            ) from error

    @property
    def scratch(self) -> Path:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        return self._scratch

    def empty_scratch(self) -> None:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        empty(self._scratch, self._disk)

    def put(self, items: Sequence[Item]) -> None:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        for item in items:
            checked_name(item.name)
            if item.source.parent != self._scratch:
                raise ValueError(f"{item.source} is not in {self._scratch}")
        self._must_be_ours(self._write_word)
        self._sync_all([item.source for item in items])
        days = sorted({item.day for item in items})
        made = [self._made(day) for day in days]
        for item in items:
            try:
                made.append(self._move(item))
            except OSError as error:
                raise disk_error("put", self._path(item.day, item.name), error) from error
        for day in days:
            self._sync(self._of(day))
        if any(made):
            self._sync(self._folder)

    def open(self, day: date, name: str) -> BinaryIO:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        path = self._path(day, name)
        try:
            folder = os.open(self._of(day), _FOLDER)
            try:
                fd = os.open(name, _FILE, dir_fd=folder)
            finally:
                os.close(folder)
        except FileNotFoundError as error:
            raise StoreError(
                f"{path}: is not in the archive\n"
                "  the index names it; look whether the archive's disk is mounted, and for a copy"
            ) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        if kind := kind_of(os.fstat(fd).st_mode):
            os.close(fd)
            raise StoreError(f"{path}: is {kind}, expected a file\n  look who put it there")
        return os.fdopen(fd, "rb")

    def remove(self, names: Sequence[tuple[date, str]]) -> None:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        paths = [self._path(day, name) for day, name in names]
        self._must_be_ours(self._write_word)
        days = sorted({day for day, _name in names})
        there = [day for day in days if self._is_day(day)]
        each(
            self._unlink,
            [path for (day, _), path in zip(names, paths, strict=True) if day in there],
            self._at_once,
        )
        for day in there:
            self._sync(self._of(day))
        for path in paths:
            if os.path.lexists(path):
                raise DiskError(
                    f"{path}: was removed and is there again\n"
                    "  look what writes there; it is tried again"
                )
        emptied = [day for day in there if self._drop(day)]
        if emptied or len(there) < len(days):
            # A day's folder may be gone by a run before that died before this.
            self._sync(self._folder)

    def names(self, day: date) -> list[str]:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        folder = self._of(day)
        try:
            if not self._is_day(day):
                return []
            with os.scandir(folder) as found:
                return sorted(
                    entry.name
                    for entry in found
                    if named(entry.name) and entry.is_file(follow_symlinks=False)
                )
        except FileNotFoundError:
            return []  # emptied meanwhile
        except OSError as error:
            raise _unreadable(folder, error) from error

    def days(self) -> list[date]:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        self._must_be_ours(None)
        try:
            with os.scandir(self._folder) as found:
                folders = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            raise _unreadable(self._folder, error) from error
        return sorted(day for name in folders if (day := day_of(name)))

    def has(self, day: date, name: str) -> bool:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        path = self._path(day, name)
        try:
            return self._is_day(day) and stat.S_ISREG(os.lstat(path).st_mode)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unreadable(path, error) from error

    def _must_be_ours(self, write: Callable[[str], None] | None) -> None:
        if self._belonging is not None:
            self._belonging.check(str(self._folder), self._word, write)

    def _word(self) -> str:
        try:
            return word_in(self._folder / NAME)
        except OSError as error:
            raise _unreadable(self._folder / NAME, error) from error

    def _write_word(self, word: str) -> None:
        target, new = self._folder / NAME, self._scratch / NAME
        write_durably(target, f"{word}\n".encode(), new, self._disk)

    def _of(self, day: date) -> Path:
        return self._folder / day.isoformat()

    def _path(self, day: date, name: str) -> Path:
        return self._of(day) / checked_name(name)

    def _is_day(self, day: date) -> bool:
        """Whether the day has a folder. Raises StoreError for a link in its place."""
        folder = self._of(day)
        try:
            mode = os.lstat(folder).st_mode
        except FileNotFoundError:
            if os.path.isdir(self._folder):
                return False
            raise StoreError(f"{self._folder}: is gone\n  mount the archive's disk") from None
        if not stat.S_ISDIR(mode):
            raise StoreError(
                f"{folder}: is {kind_of(mode) or 'a file'}, expected a folder\n"
                "  look who put it there; what belongs there has to be put back"
            )
        return True

    def _made(self, day: date) -> bool:
        if self._is_day(day):
            return False
        try:
            return prepare(self._of(day), self._folder_mode)
        except OSError as error:
            raise disk_error("make", self._of(day), error) from error

    def _sync_all(self, sources: Sequence[Path]) -> None:
        each(self._sync_file, sources, self._at_once)

    def _sync_file(self, path: Path) -> None:
        """Set a file's rights and sync it. Raises DiskError."""
        try:
            fd = self._disk.open(str(path), _FILE, 0)
            try:
                if stat.S_IMODE(os.fstat(fd).st_mode) != self._mode:
                    self._disk.fchmod(fd, self._mode)
                self._disk.fsync(fd)
            finally:
                self._disk.close(fd)
        except OSError as error:
            raise disk_error("sync", path, error) from error

    def _move(self, item: Item) -> bool:
        """Move a file into its day; says whether the day's folder had to be made once more, as
        another process may have removed it while it was empty. Raises OSError."""
        target = str(self._path(item.day, item.name))
        made = False
        for _ in range(_TRIES):
            try:
                self._disk.rename(str(item.source), target)
            except FileNotFoundError:
                if not os.path.lexists(item.source):
                    raise
                made = prepare(self._of(item.day), self._folder_mode) or made
            else:
                return made
        raise FileNotFoundError(2, "its folder vanishes", target)

    def _sync(self, folder: Path) -> None:
        try:
            sync_folder(self._disk, str(folder))
        except OSError as error:
            raise disk_error("sync", folder, error) from error

    def _unlink(self, path: Path) -> None:
        """Remove a file; one that has another name besides is emptied first. Raises DiskError."""
        try:
            found = os.lstat(path)
            if found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
                fd = self._disk.open(str(path), _EMPTY, 0)
                try:
                    self._disk.ftruncate(fd, 0)
                    self._disk.fsync(fd)
                finally:
                    self._disk.close(fd)
            self._disk.unlink(str(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error("destroy", path, error) from error

    def _drop(self, day: date) -> bool:
        """Remove a day's folder if nothing is in it; says whether it did."""
        with suppress(OSError):  # not empty, or another process was quicker
            os.rmdir(self._of(day))
            return True
        return False


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot be read: {os.strerror(error.errno or 0)}\n"
        "  mend the disk or its rights; the archive belongs to the user of the retention service"
    )
