"""Set files aside: what cannot be used leaves the way, with the reason, and stops nothing (R22).

Nothing that is set aside is ever overwritten: a second file of the same name gets a number.
Blocks; belongs in a thread.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ivr.storage.atomic import Disk, SourceError, copy_all, sync_folder, write_new
from ivr.storage.places import Places

_DAMAGED = frozenset((errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENODATA, errno.EREMOTEIO))
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_damage(error: OSError) -> bool:
    """Whether the disk cannot give back what is on it, which trying again does not mend."""
    return error.errno in _DAMAGED


class Aside:
    """Moves files into ``aside/`` and remembers what for."""

    def __init__(self, disk: Disk, places: Places, said: Iterable[str] = ()) -> None:
        self._disk = disk
        self._places = places
        self.said = list(said)
        """One line for each file that was set aside."""

    def put(self, source: str, why: str, *, copied: str = "") -> None:
        """Set a file aside, durably where it comes from another disk.

        What such a disk cannot read, or is no file, stays in its folder under another name.
        ``copied`` is a file of which this one is a synced copy; it goes then. Raises OSError.
        """
        name = os.path.basename(source)
        target, there_already = self._free(name, source)
        self._explain(target, why)
        folder = str(self._places.aside)
        found = os.lstat(source)
        if found.st_dev == os.stat(folder).st_dev:
            try:
                self._disk.rename(source, f"{folder}/{target}")
            except PermissionError:
                if not stat.S_ISDIR(found.st_mode):
                    raise
                self._leave(source, target, why, "a folder of another user cannot be moved")
            if copied:
                sync_folder(self._disk, folder)
                self._disk.unlink(copied)
        elif not stat.S_ISREG(found.st_mode):
            self._leave(source, target, why, "what is no file cannot be copied")
        else:
            try:
                if not there_already:
                    self._copy(source, target)
                    sync_folder(self._disk, folder)
            except SourceError as error:
                if not is_damage(error):
                    raise
                self._leave(source, target, why, "its disk cannot be read")
            else:
                self._disk.unlink(source)
        self.said.append(f"{name}: {why.splitlines()[0]}")

    def _leave(self, source: str, target: str, why: str, cause: str) -> None:
        """Where it is, under a name that is no recording's."""
        kept, number = f"{source}.aside", 1
        while os.path.lexists(kept):
            number += 1
            kept = f"{source}.aside.{number}"
        self._explain(target, f"{why.rstrip()}\n  {cause}: it is {kept}\n")
        self._disk.rename(source, kept)

    def _explain(self, target: str, why: str) -> None:
        path = f"{self._places.aside}/{target}.why"
        fd = write_new(self._disk, path, why.encode("utf-8", "replace"))
        self._disk.close(fd)

    def _free(self, name: str, source: str) -> tuple[str, bool]:
        """A name that is not taken, or that of this very file, copied before a crash."""
        target, number = name, 1
        while os.path.lexists(taken := self._places.aside / target):
            if _same_bytes(taken, source):
                return target, True
            number += 1
            target = f"{name}.{number}"
        return target, False

    def _copy(self, source: str, target: str) -> None:
        scratch = f"{self._places.tmp}/{target}.aside"
        try:
            original = self._disk.open(source, _READ, 0)
        except OSError as error:
            raise SourceError(*error.args) from error
        try:
            copy = write_new(self._disk, scratch, b"")
            try:
                copy_all(self._disk, original, copy)
                self._disk.fsync(copy)
            except OSError:
                self._disk.unlink(scratch)  # its room is needed
                raise
            finally:
                self._disk.close(copy)
        finally:
            self._disk.close(original)
        self._disk.rename(scratch, f"{self._places.aside}/{target}")


def _same_bytes(one: Path, other: str) -> bool:
    """Whether two files hold the same; not where either is none or cannot be read."""
    try:
        found = one.lstat(), os.lstat(other)
        if not all(stat.S_ISREG(each.st_mode) for each in found):
            return False
        if found[0].st_size != found[1].st_size:
            return False
        with open(os.open(one, _READ), "rb") as a, open(os.open(other, _READ), "rb") as b:
            while piece := a.read(1 << 16):
                if piece != b.read(len(piece)):
                    return False
    except OSError:
        return False
    return True
