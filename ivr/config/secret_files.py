"""Passwords and keys in files of their own: read with care, and open to nobody else (R20)."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path

from ivr.config.document import Document, Place, Where, file_fault, read_bytes
from ivr.config.folders import resolved
from ivr.config.mistakes import printable, shown

_LARGEST_PASSWORD_FILE = 4096
_LARGEST_KEY_FILE = 65_536


def password_in(document: Document, where: Where, name: str) -> str:
    """The password in a file that the document names; empty where a mistake was noted."""
    path = resolved(document, name)
    data, fault = read_bytes(path, _LARGEST_PASSWORD_FILE)
    if fault:
        document.say(where, f"{shown(path)}: {fault}")
        return ""
    _closed(document, where, path)
    try:
        password = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        document.say(where, f"{shown(path)} is not UTF-8, expected a password in UTF-8")
        return ""
    if not password or printable(password) != password:
        document.say(where, f"{shown(path)} holds no password, expected one line of text")
        return ""
    return password


def key_file(
    document: Document,
    where: Where,
    *,
    least: int = 1,
    make: str = "",
    required: bool = True,
) -> Path | None:
    """The file with a key that the document names there; None where it names none.

    It must have ``least`` bytes and be closed to others. One that need not be there (not
    ``required``) may be missing; ``make`` says how one is made. It is not read: who checks the
    configuration need not be able to.
    """
    name = document.text(*where)
    if not name:
        return None
    path = resolved(document, name)
    try:
        missing = not path.exists()
    except (OSError, ValueError):
        missing = False
    if missing and not required:
        return path
    fault = file_fault(path, _LARGEST_KEY_FILE)
    if fault:
        how = f"; make one: {make.format(shown(path))}" if missing and make else ""
        document.say(where, f"{shown(path)}: {fault}{how}")
        return path
    _closed(document, where, path)
    with suppress(OSError):  # of one that went away just now
        if (size := path.stat().st_size) < least:
            document.say(where, f"{shown(path)} has {size} bytes, expected {least} or more")
    return path


def _closed(document: Document, where: Where, path: Path) -> None:
    """Note that others on this host could read or change the file."""
    mode = _mode(path)
    if mode & 0o027:
        document.say(
            where,
            f"{shown(path)} is open to others (mode {mode:04o}), expected 0640 or less: "
            f"chmod u=rw,g=r,o= {shown(path)}",
        )


def written_by_anybody(document: Document) -> None:
    """Note that everybody on this host may change the document: they could let themselves in."""
    mode = _mode(document.path)
    if mode & 0o002:
        document.say_at(
            Place(1, 1),
            f"everybody on this host may write the file (mode {mode:04o}), expected 0644 or less: "
            f"chmod o-w {document.shown}",
        )


def _mode(path: Path) -> int:
    """The rights of a file; none of one that went away just now."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return 0
