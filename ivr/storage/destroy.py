"""What was recorded of a caller who opted out is destroyed before the record is there (R4).

What there is to be destroyed is on disk, in ``tmp/``, before the first file goes: after a crash in
between the work goes on, whatever became of the journal, and the record tells of all of it. A file
is gone when it is removed, its folder is synced, and it is seen not to be there. Where the disk
refuses that, no record appears, and it is tried again. Blocks; belongs in a thread.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.core.ending import to_destroy
from ivr.core.entries import Stamped
from ivr.core.timeline import part_of
from ivr.errors import DiskError
from ivr.storage.atomic import Disk, sync_folder, write_durably
from ivr.storage.encode import encoder
from ivr.storage.names import audio_of, is_call_id
from ivr.storage.opened import NoFileError, read_file
from ivr.storage.places import Places
from ivr.storage.tape import Listing
from ivr.storage.whereabouts import begun_in, other_folders, paths_of

_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Doomed:
    """A file that is to go, or is gone."""

    path: str
    part: int
    bytes: int
    written_ms: int
    """When it was last written to, by the wall clock."""


_to_json = encoder(_Doomed)


@dataclass(frozen=True, slots=True)
class Gone:
    """What was destroyed, by this run and by those before it."""

    at_ms: int
    """When it was seen to be gone, by the wall clock."""
    parts: int
    bytes: int
    written_ms: int
    """When FreeSWITCH last wrote to any of it; 0 where there was none."""


class Destroyer:
    """Destroys all audio of one call."""

    def __init__(
        self,
        disk: Disk,
        places: Places,
        call_id: str,
        entries: Sequence[Stamped],
        listing: Listing,
        *,
        all_known: bool,
    ) -> None:
        """``all_known``: the journal has all of the call, so that no part lies in a folder that it
        does not name."""
        self._disk = disk
        self._places = places
        self._call_id = call_id
        self._begun = begun_in(entries)
        named = {os.path.dirname(path) for path in paths_of(entries)}
        self._unread = [
            error
            for folder, error in listing.unread.items()
            if not all_known or str(folder) in named
        ]
        recorded = (*listing.readable, *other_folders(entries, places))
        self._folders = (*recorded, places.new, places.tmp, places.aside)

    def destroy(self, *, shown: bool) -> Gone:
        """Destroy it; ``shown`` says that its record was there already. Raises DiskError where
        anything may be left."""
        try:
            for error in self._unread:
                raise error  # a part may lie there
            there = list(self._lying())
            doomed = self._remembered()
            if not shown and not self._has_record():
                self._must_wait({each.part for each in (*there, *doomed.values())})
            if any(doomed.get(each.path) != each for each in there):
                doomed |= {each.path: each for each in there}
                self._remember(doomed.values())
            for each in there:
                self._remove(each.path)
            for folder in sorted({os.path.dirname(path) for path in doomed}):
                if os.path.isdir(folder):
                    sync_folder(self._disk, folder)
            left = [each.path for each in self._lying()]
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise self._refusal(str(error.filename or self._places.root), why) from error
        if left:
            raise self._refusal(left[0], "it is there again")
        sound = [each for each in doomed.values() if not each.path.endswith(".why")]
        return Gone(
            time.time_ns() // 1_000_000,
            len({each.part for each in sound}),
            sum(each.bytes for each in sound),
            max((each.written_ms for each in sound), default=0),
        )

    def forget(self) -> None:
        """The record is there: what was destroyed needs no other memory. Raises OSError."""
        path = self._places.destroyed(self._call_id)
        if os.path.lexists(path):
            self._disk.unlink(path)
            # It must not come back, as of a call that nobody knows.
            sync_folder(self._disk, str(self._places.tmp))

    def _lying(self) -> Iterator[_Doomed]:
        """The call's files, wherever they are. Raises OSError."""
        for folder in self._folders:
            try:
                names = os.listdir(folder)
            except FileNotFoundError:
                continue  # made again empty, or its absence was weighed before
            for name in names:
                call = audio_of(name)
                if call is None or call[0] != self._call_id:
                    continue
                path = f"{folder}/{name}"
                try:
                    found = os.lstat(path)
                except FileNotFoundError:
                    continue
                if not stat.S_ISDIR(found.st_mode):  # no recording lies in a folder of this name
                    yield _Doomed(path, call[1], found.st_size, found.st_mtime_ns // 1_000_000)

    def _has_record(self) -> bool:
        """Whether there is a record that says so. Another one is of a life before: its recording
        goes too, and never is it without, so it goes first. Raises OSError."""
        path = self._places.record(self._call_id)
        there = _says_destroyed(path)
        if not there and os.path.lexists(path):
            self._disk.unlink(path)
            sync_folder(self._disk, str(self._places.new))
        return there

    def _must_wait(self, found: set[int]) -> None:
        """That no part lies in a folder that is not there now, as where its disk is away and the
        configuration does not name it any more. Raises DiskError."""
        for path in self._begun:
            folder = os.path.dirname(path)
            if folder and part_of(path) not in found and not os.path.isdir(folder):
                why = "its folder is not there; mount its disk, or make it where the disk is gone"
                raise self._refusal(path, why)

    def _remembered(self) -> dict[str, _Doomed]:
        """What earlier runs were to destroy. Raises OSError."""
        found: dict[str, _Doomed] = {}
        try:
            lines = read_file(self._places.destroyed(self._call_id)).splitlines()
        except (FileNotFoundError, NoFileError):
            return found
        for line in lines:
            try:
                each = _Doomed(**json.loads(line))
            except (ValueError, TypeError):
                continue  # of another version of the engine
            if [type(one) for one in (each.path, each.part, each.bytes, each.written_ms)] == [
                *(str, int, int, int)
            ]:
                found[each.path] = each
        return found

    def _remember(self, doomed: Iterable[_Doomed]) -> None:
        path = self._places.destroyed(self._call_id)
        lines = "".join(f"{_to_json(each)}\n" for each in doomed)
        write_durably(Path(path), lines.encode("ascii"), Path(f"{path}.new"), self._disk)

    def _remove(self, path: str) -> None:
        """Remove a file; one that has another name besides is emptied first. Raises OSError."""
        try:
            found = os.lstat(path)
            if found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
                fd = self._disk.open(path, _WRITE, 0)
                try:
                    self._disk.ftruncate(fd, 0)
                    self._disk.fsync(fd)
                finally:
                    self._disk.close(fd)
            self._disk.unlink(path)
        except FileNotFoundError:
            return

    def _refusal(self, path: str, why: str) -> DiskError:
        return DiskError(
            f"{path}: cannot be destroyed, though its caller opted out: {why}\n"
            "  the call gets no record until it is gone, and it is tried again; mend the disk or"
            " its rights"
        )


def is_doomed(places: Places, call_id: str, entries: Sequence[Stamped]) -> bool:
    """Whether nothing that was recorded of a call may be kept: by its journal, or, where that is
    lost, by what was begun before a crash, or by its record. Raises OSError."""
    return (
        to_destroy(entries)
        or os.path.lexists(places.destroyed(call_id))
        or _says_destroyed(places.record(call_id))
    )


def _says_destroyed(path: str) -> bool:
    """Whether there is a record, and it says so. Raises OSError."""
    try:
        sound = json.loads(read_file(path))["recording"]
    except (FileNotFoundError, NoFileError, ValueError, TypeError, KeyError):
        return False
    return isinstance(sound, dict) and sound.get("state") == "destroyed"


def doomed_calls(places: Places) -> set[str]:
    """Calls of which something is being destroyed and that have no record yet, by what is in
    ``tmp/``. Raises OSError."""
    stems = (
        name.removesuffix(".destroyed")
        for name in os.listdir(places.tmp)
        if name.endswith(".destroyed")
    )
    return set(filter(is_call_id, stems))
