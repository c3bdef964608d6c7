"""Files that commands of the retention layer write: only whoever runs them may read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ivr.errors import DiskError, SetupError, UsageError


@contextmanager
def new_file(path: Path, force: bool) -> Iterator[BinaryIO]:
    """A file of this name with what the block writes, 0600; none where the block raises.

    Raises UsageError where one is there and may not be replaced: before the block begins.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    taken = False
    try:
        if not force:
            os.close(_make(path))
            taken = True
        with os.fdopen(_make(scratch), "wb") as file, written(path):
            yield file
            file.flush()
        scratch.replace(path)
    except BaseException as error:
        with suppress(OSError):
            scratch.unlink()
        if taken:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, FileExistsError):
            raise UsageError(f"{path} is there already; --force replaces it") from error
        if isinstance(error, OSError):
            raise SetupError(f"cannot write {path}: {error.strerror}") from error
        raise


def _make(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextmanager
def written(where: object) -> Iterator[None]:
    """Raises DiskError for what refuses the bytes; a program that reads no more ends this."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DiskError(f"cannot write {where}: {error.strerror}") from error
