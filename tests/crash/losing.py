"""A disk that loses what was not synced when the host dies (R22).

What a process wrote is not on the disk until it is synced, and neither is a name until its folder
is: a host that loses power may keep any of it or none. Here it keeps none: of the data, of the
names, or of both (:data:`LOSSES`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ivr.storage.atomic import Disk

Loss = Literal["data", "names", "both"]
LOSSES: tuple[Loss, ...] = ("data", "names", "both")


@dataclass(frozen=True, slots=True)
class _Name:
    """A change to a folder that is not on the disk yet."""

    path: str
    undo: Callable[[], None]
    before: str = ""
    """What a file was called before."""


class Unsynced:
    """All that would be lost."""

    def __init__(self, root: Path, trash: Path) -> None:
        self._root = root
        self._trash = trash
        trash.mkdir(exist_ok=True)
        self._before: dict[int, bytes] = {}
        """What is on the disk of files that were written to since, by their number."""
        self._names: list[_Name] = []
        self.synced: dict[int, int] = {}
        """Files that were synced, and the size that they had then."""

    def disk(self) -> Disk:
        """The disk."""
        return Disk(
            open=self._open,
            write=self._write,
            pwrite=self._pwrite,
            ftruncate=self._truncate,
            fdatasync=self._sync,
            fsync=self._sync,
            rename=self._rename,
            unlink=self._unlink,
        )

    def _open(self, path: str, flags: int, mode: int) -> int:
        new = flags & os.O_CREAT and not os.path.lexists(path)
        if not new and flags & os.O_TRUNC:
            self._remember(os.stat(path).st_ino, Path(path).read_bytes())
        fd = os.open(path, flags, mode)
        if new:
            self._remember(os.fstat(fd).st_ino, b"")
            self._names.append(_Name(path, lambda: os.unlink(path)))
        return fd

    def _remember(self, number: int, content: bytes) -> None:
        self._before.setdefault(number, content)

    def _write(self, fd: int, data: bytes) -> int:
        self._remember(os.fstat(fd).st_ino, _content(fd))
        return os.write(fd, data)

    def _pwrite(self, fd: int, data: bytes, at: int) -> int:
        self._remember(os.fstat(fd).st_ino, _content(fd))
        return os.pwrite(fd, data, at)

    def _truncate(self, fd: int, size: int) -> None:
        self._remember(os.fstat(fd).st_ino, _content(fd))
        os.ftruncate(fd, size)

    def _sync(self, fd: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        durable = [name for name in self._names if os.path.dirname(name.path) == path]
        # Where it was made is of no more interest once it lies elsewhere for good.
        moved = {name.before for name in durable}
        left = [name for name in self._names if name not in durable]
        self._names = [name for name in left if name.path not in moved]
        found = os.fstat(fd)
        self._before.pop(found.st_ino, None)
        self.synced[found.st_ino] = found.st_size

    def _rename(self, source: str, target: str) -> None:
        replaced = self._keep(target) if os.path.lexists(target) else None

        def undo() -> None:
            os.rename(target, source)
            if replaced is not None:
                os.link(replaced, target)

        os.rename(source, target)
        self._names.append(_Name(target, undo, source))

    def _unlink(self, path: str) -> None:
        kept = self._keep(path)
        os.unlink(path)
        self._names.append(_Name(path, lambda: os.link(kept, path)))

    def _keep(self, path: str) -> Path:
        kept = self._trash / str(len(list(self._trash.iterdir())))
        os.link(path, kept)
        return kept

    def unsure(self, folder: Path) -> bool:
        """Whether a name in this folder may be lost."""
        return any(os.path.dirname(name.path) == str(folder) for name in self._names)

    def lose(self, loss: Loss) -> None:
        """The host dies."""
        if loss != "names":
            for path in self._root.rglob("*"):
                number = path.stat().st_ino
                if path.is_file() and number in self._before:
                    path.write_bytes(self._before[number])
        if loss != "data":
            for name in reversed(self._names):
                name.undo()


def _content(fd: int) -> bytes:
    with open(f"/proc/self/fd/{fd}", "rb") as file:
        return file.read()
