"""Whether the fallback is the folder that it was, or the mount point of a disk that is away (R22).

Such a mount point is an empty folder like any other. What lies on its disk would be called missing,
and what goes into it now would be hidden when the disk is back. So the spool and its fallback each
hold the same word, made at the first start that has both, and the fallback says whose it is.
Blocks.
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
"""The word, and the spool's path: a fallback is of one spool alone."""
_LONGEST = 4200


def is_known(root: Path, fallback: Path | None) -> bool:
    """Whether nothing says that this is another folder than before. Raises nothing."""
    if fallback is None:
        return True
    if _is_anothers(root, fallback):
        return False  # its recordings are not ours to take
    word, path = _remembered(root)
    theirs = _read(fallback / IN_FALLBACK).partition("\n")[0]
    return not word or path != str(fallback) or theirs == word


def had(root: Path) -> str:
    """The path of the fallback that the spool had last; empty where it never had one."""
    return _remembered(root)[1]


def remember(root: Path, fallback: Path) -> None:
    """Have both hold the word; where a disk does not take it, the next start tries again."""
    word, path = _remembered(root)
    if word and path == str(fallback):
        return
    if _is_anothers(root, fallback):
        return
    word, _, owner = _read(fallback / IN_FALLBACK).partition("\n")
    try:
        if not word or not owner:
            word = word or uuid4().hex
            _write(fallback / IN_FALLBACK, f"{word}\n{root}\n")
        _write(root / IN_SPOOL, f"{word}\n{fallback}\n")
    except DiskError:
        return


def unknown(root: Path, fallback: Path) -> str:
    """Why the fallback is not used, and what to do, in one line."""
    if _is_anothers(root, fallback):
        return f"is another spool's ({fallback / IN_FALLBACK}): give this one a folder of its own"
    return f"is not the folder that it was: mount its disk, or remove {root / IN_SPOOL}"


def _is_anothers(root: Path, fallback: Path) -> bool:
    owner = _read(fallback / IN_FALLBACK).partition("\n")[2]
    return owner not in ("", str(root))


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
