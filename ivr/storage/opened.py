"""Open files that others may write beside: never a link, never a pipe (R23).

Whoever may write into the spool's folders could otherwise have any file of the host read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoFileError(Exception):
    """Something is there that is no file; says what."""


def kind_of(mode: int) -> str:
    """What is there, where it is no file; empty where it is one."""
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "a link, which is never followed"
    return "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"


@contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """A file of the spool, open for reading.

    Raises OSError; NoFileError for links and all else that is no file.
    """
    if kind := kind_of(os.lstat(path).st_mode):
        raise NoFileError(f"is {kind}, expected a file")
    # A pipe put there since would otherwise be waited for, and a link followed.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if kind := kind_of(os.fstat(fd).st_mode):
            raise NoFileError(f"is {kind}, expected a file")
        yield fd
    finally:
        os.close(fd)


def read_file(path: str | Path, at_most: int = -1) -> bytes:
    """What a file holds, or its beginning. Raises as :func:`opened` does."""
    with opened(path) as fd, open(fd, "rb", closefd=False) as file:
        return file.read(at_most)


def why_not(error: OSError | NoFileError) -> str:
    """What an error of :func:`opened` means, to go after the file's name."""
    if isinstance(error, NoFileError):
        return str(error)
    return f"cannot be read: {os.strerror(error.errno or 0)}"
