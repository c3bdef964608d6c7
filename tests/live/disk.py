"""A small file system that can be filled and freed (a tmpfs; root may mount one)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE_MB = 80
"""More than the engine wants to be free at its start."""
_PIECE = bytes(1 << 16)


class Disk:
    """The file system at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Until not a byte more fits."""
        fd = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            free = os.statvfs(self.path)
            os.posix_fallocate(fd, 0, (free.f_bavail - 64) * free.f_frsize)
            for size in (len(_PIECE), 4096):
                self._write(fd, _PIECE[:size])
        finally:
            os.close(fd)

    def free(self) -> None:
        """As it was before."""
        self._filler.unlink()

    @staticmethod
    def _write(fd: int, piece: bytes) -> None:
        try:
            while os.write(fd, piece) == len(piece):
                continue
        except OSError:  # it is full
            return


@contextmanager
def mounted(path: Path) -> Iterator[Disk]:
    """Skips the test where none can be mounted."""
    path.mkdir()
    options = f"size={SIZE_MB}m,mode=0711"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "ivr-test", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a full disk needs a file system of its own: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
