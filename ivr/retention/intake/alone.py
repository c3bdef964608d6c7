"""One consumer at a time (``docs/spool.md``): whoever takes in holds a lock in the state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.errors import SetupError

_NAME = "intake.lock"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Be the only one who takes in for as long as the block lasts; a killed process holds nothing.

    Raises SetupError where somebody else does, or the lock cannot be made.
    """
    path = state / _NAME
    try:
        fd = os.open(path, _FLAGS, 0o640)
    except OSError as error:
        raise SetupError(
            f"{path}: cannot be made: {os.strerror(error.errno or 0)}\n"
            "  expected a folder that this user may write (retention.yaml: state)"
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            raise SetupError(
                f"process {other or '?'} takes in from the spools already ({path})\n"
                "  leave it to that one, or stop it first: systemctl stop ivr-retention"
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
