"""Disks that are full when a test says so, for the engine and for the lab switch."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.lab import LabSwitch
from ivr.storage.atomic import REAL, Disk

_LEAST = 4096
"""Bytes that are free on a full disk."""


class Disks:
    """Which folders are on a disk that is full."""

    def __init__(self, patch: pytest.MonkeyPatch, switch: Callable[[], LabSwitch]) -> None:
        """What looks at free space is told so; ``switch`` writes recordings."""
        self._full: set[str] = set()
        self._switch = switch
        self._patch(patch, "statvfs", str)
        self._patch(patch, "fstatvfs", lambda fd: os.readlink(f"/proc/self/fd/{fd}"))

    def _patch(self, patch: pytest.MonkeyPatch, name: str, path_of: Callable[[Any], str]) -> None:
        real = getattr(os, name)

        def told(of: Any) -> os.statvfs_result:
            found: os.statvfs_result = real(of)
            if not self._is_full(path_of(of)):
                return found
            free = _LEAST // found.f_frsize
            return os.statvfs_result((*found[:3], free, free, *found[5:]))

        patch.setattr(os, name, told)

    def fill(self, folder: Path) -> None:
        """Nothing fits any more."""
        self._full.add(str(folder))
        self._switch().faults.fill(folder)

    def free(self, folder: Path) -> None:
        """There is room again."""
        self._full.discard(str(folder))
        self._switch().faults.free(folder)

    @property
    def disk(self) -> Disk:
        """What the engine writes journal and records with."""
        paths: dict[int, str] = {}

        def open_(path: str, flags: int, mode: int) -> int:
            if flags & os.O_CREAT:
                self._refuse(path)
            fd = os.open(path, flags, mode)
            paths[fd] = path
            return fd

        def write(fd: int, data: bytes) -> int:
            self._refuse(paths[fd])
            return os.write(fd, data)

        return replace(REAL, open=open_, write=write)

    def _refuse(self, path: str) -> None:
        if self._is_full(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    def _is_full(self, path: str) -> bool:
        return any(path == full or path.startswith(f"{full}/") for full in self._full)
