"""Whether what is there is our archive: not the empty mount point of a disk that is away (R14).

What is missing counts as destroyed. So where the disk is away, or the settings name another folder
or bucket, everything would seem destroyed that only lies elsewhere. The archive and the state
folder each hold the same word, which is written when both are new.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from ivr.errors import StoreError
from ivr.storage.atomic import REAL, Disk, disk_error, write_durably
from ivr.storage.opened import NoFileError, read_file

NAME = "archive.id"
"""The word's file, in the archive and in the state folder."""
_MOST = 200


class Belonging:
    """The word that this host's archive has."""

    def __init__(self, state: Path, disk: Disk = REAL) -> None:
        """``state`` is the state folder."""
        self._file = state / NAME
        self._disk = disk

    def check(
        self,
        where: str,
        read: Callable[[], str],
        write: Callable[[str], None] | None,
    ) -> None:
        """Raises StoreError where the archive's word is another one, or is gone; DiskError.

        ``read`` gives the archive's word, empty where it has none. ``write`` gives it one, where
        neither has one; None where it is only to be looked at.
        """
        mine, theirs = self._read(), read()
        if mine and mine != theirs:
            raise StoreError(
                f"{where}: is not the archive that {self._file} belongs to\n"
                f"  its {NAME} {'is another one' if theirs else 'is missing'}, expected {mine}\n"
                "  is its disk mounted, and do the settings name the right place? Nothing is put or"
                " removed until then; an archive that was moved brings this file along"
            )
        if mine or write is None:
            return
        if not theirs:
            theirs = secrets.token_hex(16)
            write(theirs)
        new = self._file.with_suffix(".new")
        write_durably(self._file, f"{theirs}\n".encode(), new, self._disk)

    def _read(self) -> str:
        try:
            return word_in(self._file)
        except OSError as error:
            raise disk_error("read", self._file, error) from error


def word_in(file: Path) -> str:
    """The word in a file; empty where there is none. Raises OSError."""
    try:
        return read_file(file, _MOST).decode("ascii", "replace").strip()
    except (FileNotFoundError, NoFileError):
        return ""
