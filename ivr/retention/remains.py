"""What there may be of a recording outside the archive: files that were set aside (R14).

The engine sets aside in its spools what it cannot use, the intake in a folder of its own what it
cannot take in. Both hold audio or numbers of callers, so both end with the recording that they
belong to; and where nobody can say whose they are, after a period of their own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from ivr.core.schedule import Period
from ivr.storage.atomic import REAL, Disk, disk_error, sync_folder
from ivr.storage.names import is_call_id

_ID = 36
"""Letters of a call's id, which every name that belongs to a call begins with."""


class Asides:
    """The folders of what was set aside."""

    def __init__(self, folders: Iterable[Path], disk: Disk = REAL) -> None:
        self._folders = tuple(folders)
        self._disk = disk

    def remove(self, calls: Sequence[str]) -> None:
        """Remove all that was set aside of these calls. Raises DiskError."""
        wanted = frozenset(calls)
        self._remove_where(lambda name, _: name[:_ID] in wanted)

    def count(self) -> int:
        """How many files there are, reasons included. Raises DiskError."""
        return sum(1 for folder in self._folders for _ in _files(folder))

    def older(self, keep: Period, today: date, day_of: Callable[[int], date]) -> list[str]:
        """The names of what was set aside so long ago that its period is over; nothing goes."""
        return [
            name
            for folder in self._folders
            for name, changed_ms in _files(folder)
            if keep.after(day_of(changed_ms)) <= today
        ]

    def remove_named(self, names: Collection[str]) -> None:
        """Remove files of these names. Raises DiskError."""
        wanted = frozenset(names)
        self._remove_where(lambda name, _: name in wanted)

    def _remove_where(self, doomed: Callable[[str, int], bool]) -> None:
        for folder in self._folders:
            names = [name for name, changed_ms in _files(folder) if doomed(name, changed_ms)]
            try:
                for name in names:
                    with suppress(FileNotFoundError):  # the engine was faster
                        self._disk.unlink(str(folder / name))
                if names:
                    sync_folder(self._disk, str(folder))
            except FileNotFoundError:
                continue  # the folder itself
            except OSError as error:
                raise disk_error("remove what was set aside in", folder, error) from error


def call_of(name: str) -> str:
    """The call that a file's name begins with; empty where it names none."""
    return name[:_ID] if is_call_id(name[:_ID]) else ""


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Names and when each was last changed, in milliseconds since 1970; folders left out."""
    try:
        with os.scandir(folder) as found:
            for each in found:
                status = each.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    yield each.name, status.st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error("look into", folder, error) from error
