"""Set aside what cannot be taken in: it stops nothing, is kept, and a person looks at it (R22).

``<state>/aside/<name>`` is what lay in the spool, ``<name>.why`` beside it says why. Both are
durable before anything goes from the spool. Nothing is overwritten: a second file of the same
name gets a number, but for the very same bytes, which a crash left. What is no file has its
``.why`` alone. All names begin with the call's id, so that they go with its recording (R14).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ivr.errors import DiskError
from ivr.storage.atomic import Disk, copy_all, disk_error, sync_folder, write_new
from ivr.storage.opened import NoFileError, kind_of, opened

_ID = 36
"""Letters of a call's id."""
_PRIVATE = 0o600
_PIECE = 1 << 16
_LONGEST_TARGET = 200
_SCRATCH = ".scratch"


class Aside:
    """The folder of what was set aside. It is made when it is needed."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.folder = folder
        self._disk = disk

    def put(self, sources: Sequence[Path], why: str) -> None:
        """Set files of one call aside, durably; they stay where they are.

        What has gone meanwhile is left out. Raises DiskError: nothing may be removed then.
        """
        folder = self.folder
        try:
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
                sync_folder(self._disk, str(folder.parent))
            for source in sources:
                with suppress(FileNotFoundError):
                    self._put(source, why)
            sync_folder(self._disk, str(folder))
        except OSError as error:
            raise disk_error("set aside into", folder, error) from error

    @property
    def count(self) -> int:
        """How many things lie there; each has its ``.why``. Raises DiskError."""
        try:
            return sum(name.endswith(".why") for name in os.listdir(self.folder))
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise disk_error("read", self.folder, error) from error

    def _put(self, source: Path, why: str) -> None:
        mode = os.lstat(source).st_mode
        if kind := kind_of(mode):
            leads = _leads_to(source) if stat.S_ISLNK(mode) else ""
            said = f"{why}\n  {source.name} was {kind}{leads}\n"
            self._write(self._free(f"{source.name}.why", said.encode()), said.encode())
            return
        try:
            with opened(source) as fd:
                target = self._free(source.name, fd)
                # The reason first: whatever lies there has one.
                self._write(self.folder / f"{target.name}.why", f"{why}\n".encode())
                if not os.path.lexists(target):
                    self._copy(fd, target)
        except NoFileError as error:
            raise DiskError(
                f"{source}: {error}\n  it was replaced just now: tried again"
            ) from error

    def _free(self, name: str, held: int | bytes) -> Path:
        """Where it goes: a name that nothing has, or that these very bytes have."""
        target, number = self.folder / name, 1
        while os.path.lexists(target) and not _same(target, held):
            number += 1
            target = self.folder / f"{name}.{number}"
        return target

    def _write(self, target: Path, data: bytes) -> None:
        fd = write_new(self._disk, str(target), data, _PRIVATE)
        try:
            self._disk.fsync(fd)
        finally:
            self._disk.close(fd)

    def _copy(self, source: int, target: Path) -> None:
        scratch = str(target.with_name(_SCRATCH))
        fd = write_new(self._disk, scratch, b"", _PRIVATE)
        try:
            copy_all(self._disk, source, fd)
            self._disk.fchmod(fd, _PRIVATE)
            self._disk.fsync(fd)
        except OSError:
            with suppress(OSError):
                self._disk.unlink(scratch)  # its room is needed
            raise
        finally:
            self._disk.close(fd)
        self._disk.rename(scratch, str(target))


def _leads_to(link: Path) -> str:
    return f", to {os.readlink(link)[:_LONGEST_TARGET]!r}"


def _same(target: Path, held: int | bytes) -> bool:
    """Whether a file holds what another one does, or these bytes."""
    try:
        with opened(target) as there:
            if isinstance(held, bytes):
                return os.pread(there, len(held) + 1, 0) == held
            at = 0
            while (piece := os.pread(there, _PIECE, at)) == os.pread(held, _PIECE, at):
                if not piece:
                    return True
                at += len(piece)
            return False
    except (OSError, NoFileError):
        return False


def calls_among(folders: Iterable[Path], calls: Collection[str]) -> list[str]:
    """Those of the calls of which anything was set aside in these folders. Raises DiskError."""
    found: set[str] = set()
    for folder in folders:
        try:
            found.update(name[:_ID] for name in os.listdir(folder))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise disk_error("read", folder, error) from error
    return [call for call in calls if call in found]
