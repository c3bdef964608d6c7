"""How the recordings in progress grow, and which folder takes new ones (R22).

FreeSWITCH says nothing of a full disk until the call is over (docs/freeswitch.md 19), nor of a
folder that is gone. So the engine looks, twice a second. All of it blocks; belongs in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import SetupError
from ivr.storage.known import is_known, unknown
from ivr.storage.places import Places, make_again, probe_name, write_probe

_PROBE = bytes(4096)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FolderNow:
    """One folder that recordings may go to."""

    path: Path
    free_bytes: int
    """Room on its file system; 0 where that is not known."""
    usable: bool
    """It is there, has the least room, and takes a file of 4 KiB."""
    why: str
    """Why it is not usable, in one line without the path; else empty."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found."""

    sizes: Mapping[str, int]
    """Bytes of each recording that was asked about and is there."""
    folders: tuple[FolderNow, ...]
    """The spool's own first, then the fallback's, as in :attr:`Places.folders`."""


def look(
    places: Places, least_free_bytes: int, paths: Iterable[str], only: int | None = None
) -> Seen:
    """The sizes of these recordings, and whether their folders take more.

    ``places`` are those of :func:`ivr.storage.places.placed`; ``only`` is the number of the one of
    its folders that is looked at. A folder that somebody removed is made again first. Raises
    nothing.
    """
    amiss = ""
    try:
        make_again(places, only)
    except OSError as error:
        amiss = f"cannot be made again: {_why(error)}"
    except SetupError as error:
        amiss = str(error).splitlines()[0]
    sizes = {}
    for path in paths:
        try:
            sizes[path] = os.lstat(path).st_size
        except OSError:
            continue
    wanted = places.folders if only is None else places.folders[only : only + 1]
    strange = _strange(places) if only != 0 else None
    return Seen(
        sizes,
        tuple(
            strange
            if strange is not None and folder == strange.path
            else _now(folder, least_free_bytes, amiss)
            for folder in wanted
        ),
    )


def _strange(places: Places) -> FolderNow | None:
    """The fallback's folder, where it is another one than it was."""
    if places.fallback is None or is_known(places.root, places.fallback):
        return None
    return FolderNow(places.folders[1], 0, False, unknown(places.root, places.fallback))


def _now(path: Path, least_free_bytes: int, amiss: str) -> FolderNow:
    free = 0
    try:
        folder = os.open(path, _FOLDER)
        try:
            found = os.fstatvfs(folder)
            free = found.f_bavail * found.f_frsize
            if free < least_free_bytes:
                why = f"only {free >> 20} MiB are free, expected {least_free_bytes >> 20}"
                return FolderNow(path, free, False, why)
            _probe(folder)
        finally:
            os.close(folder)
    except FileNotFoundError as error:
        return FolderNow(path, free, False, amiss or f"is not there: {_why(error)}")
    except OSError as error:
        return FolderNow(path, free, False, f"takes no file: {_why(error)}")
    return FolderNow(path, free, True, "")


def _probe(folder: int) -> None:
    """Write a small file and remove it. Raises OSError."""
    name = probe_name()
    try:
        write_probe(name, _PROBE, folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def _why(error: OSError) -> str:
    return os.strerror(error.errno or 0)
