"""Whether the fallback is the folder that it was, or the mount point of a disk that is away (R22).

Such a mount point is an empty folder like any other. What lies on its disk would be called missing,
and what goes into it now would be hidden when the disk is back. So the spool and its fallback each
hold the same word, made at the first start that has both. Blocks.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from ivr.errors import DiskError
from ivr.storage.atomic import write_durably
from ivr.storage.opened import NoFileError, read_file

IN_SPOOL = "fallback.id"
"""The word, and the fallback's path: of another one nothing is known."""
IN_FALLBACK = "spool.id"
_LONGEST = 4200


def is_known(root: Path, fallback: Path | None) -> bool:
    """Whether nothing says that this is another folder than before. Raises nothing."""
    word, path = _remembered(root)
    if fallback is None or not word or path != str(fallback):
        return True
    return _read(fallback / IN_FALLBACK) == word


def remember(root: Path, fallback: Path) -> None:
    """Have both hold the word; where a disk does not take it, the next start tries again."""
    word, path = _remembered(root)
    if word and path == str(fallback):
        return
    word = _read(fallback / IN_FALLBACK)
    try:
        if not word:
            word = uuid4().hex
            _write(fallback / IN_FALLBACK, f"{word}\n")
        _write(root / IN_SPOOL, f"{word}\n{fallback}\n")
    except DiskError:
        return


def unknown(root: Path) -> str:
    """Why another folder is not used, and what to do, in one line."""
    return f"is not the folder that it was: mount its disk, or remove {root / IN_SPOOL}"


def _remembered(root: Path) -> tuple[str, str]:
    word, _, path = _read(root / IN_SPOOL).partition("\n")
    return word, path


def _read(path: Path) -> str:
    try:
        return os.fsdecode(read_file(path, _LONGEST)).strip()
    except (OSError, NoFileError):
        return ""


def _write(path: Path, text: str) -> None:
    write_durably(path, os.fsencode(text), path.with_name(f".{path.name}"))
