"""What a user may do with a path, by owner, group and mode, without being that user.

Access lists (ACLs), capabilities and mount options are not looked at: where they matter the
engine's own start, which tries everything, has the last word.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ivr.doctor.process import Person, group_name, person_of

READ, WRITE, ENTER = 4, 2, 1
"""As in one digit of a mode."""


def may(person: Person, status: os.stat_result, wanted: int) -> bool:
    """Whether this user has all of these rights."""
    if person.uid == 0:
        return True
    if person.uid == status.st_uid:
        have = status.st_mode >> 6
    elif status.st_gid in person.gids:
        have = status.st_mode >> 3
    else:
        have = status.st_mode
    return have & wanted == wanted


def hindrance(person: Person, path: Path, wanted: int) -> str:
    """What keeps this user from a path, in one line; empty where nothing does.

    Raises OSError where the path, or a folder above it, cannot be looked at.
    """
    for folder in reversed(path.parents):
        if not may(person, os.stat(folder), ENTER):
            return f"{person.name} may not come through {described(folder)}"
    if not may(person, os.stat(path), wanted):
        return f"{person.name} may not {_word(wanted)} {described(path)}"
    return ""


def described(path: Path) -> str:
    """A path with its mode, owner and group. Raises OSError."""
    status = os.stat(path)
    owner = person_of(status.st_uid).name
    return f"{path} (mode {stat.S_IMODE(status.st_mode):o}, {owner}:{group_name(status.st_gid)})"


def _word(wanted: int) -> str:
    return "write into" if wanted & WRITE else "read"
