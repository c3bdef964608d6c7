"""The files of a recording as they lie in the folders, before they are read back (R5, R22).

A part may lie in any recording folder, or in ``new/``, moved there before a crash. Blocks.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ivr.core.record import FoundAudio
from ivr.errors import SpoolError
from ivr.recording.audio import inspect_fd, is_blank_fd
from ivr.recording.same import is_silenced_copy
from ivr.storage.aside import is_damage
from ivr.storage.atomic import Disk
from ivr.storage.known import is_known
from ivr.storage.names import call_and_part
from ivr.storage.places import Places

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class Tape:
    """One file of a recording, being read back."""

    part: int
    source: str
    """Where it lies."""
    fd: int = -1
    """Open for reading; negative where what lies there is no file."""
    trouble: str = ""
    """Why it is no recording."""
    fds: list[int] = field(default_factory=list)
    """All that is open of it: to be closed."""
    found: FoundAudio | None = None
    copied: str = ""
    """A file that was replaced by a copy: it was not ours to write, or lies on another disk."""
    copied_bytes: int = 0
    """How long it was then."""
    writable: bool = False
    """``fd`` is open for writing as well."""
    written_ns: int = 0
    """When FreeSWITCH last wrote to it, by the wall clock; 0 where that is not known."""
    others: list[Tape] = field(default_factory=list)
    """Files of the same part in other folders that are worth less."""
    extra: bool = False
    """It is one of those, and belongs to no record."""

    @property
    def kept(self) -> bool:
        """It holds audio."""
        return self.found is not None and self.found.frames > 0

    @property
    def written_ms(self) -> int:
        """The same in milliseconds."""
        return self.written_ns // 1_000_000

    @property
    def size(self) -> int:
        """How long the file is; negative where there is none."""
        return os.fstat(self.fd).st_size if self.fd >= 0 else -1


@contextmanager
def reading() -> Iterator[None]:
    """What the disk cannot give back makes the file unreadable: a SpoolError, for trying again
    would not help."""
    try:
        yield
    except OSError as error:
        if is_damage(error):
            raise unreadable(error) from error
        raise


def unreadable(error: OSError) -> SpoolError:
    """The error that says that the disk cannot give a recording back."""
    return SpoolError(f"recording: cannot be read: {os.strerror(error.errno or 0)}")


def parts_in(folder: Path) -> dict[str, list[int]]:
    """Which parts of which calls' recordings lie in a folder. Raises OSError."""
    found: dict[str, list[int]] = {}
    for name in os.listdir(folder):
        named = call_and_part(name.removesuffix(".wav")) if name.endswith(".wav") else None
        if named is not None:
            found.setdefault(named[0], []).append(named[1])
    return found


class Listing:
    """What lies in the recording folders; a folder that cannot be read, or is not the one that it
    was, is left out."""

    def __init__(self, places: Places) -> None:
        self._own = places.recording
        self.readable: dict[Path, dict[str, list[int]]] = {}
        self.unread: dict[Path, OSError] = {}
        known = is_known(places.root, places.fallback)
        for folder in places.folders:
            try:
                if not known and folder != places.recording:
                    gone = errno.ENOENT, os.strerror(errno.ENOENT), str(folder)
                    raise FileNotFoundError(*gone)  # as if its disk was away
                self.readable[folder] = parts_in(folder)
            except OSError as error:
                self.unread[folder] = error

    def parts(self, call_id: str) -> list[int]:
        """The parts of a call's recording that lie anywhere."""
        return [part for there in self.readable.values() for part in there.get(call_id, ())]

    def must_wait(self, paths: Iterable[str], *, all_known: bool) -> None:
        """That no file of a call lies where it cannot be read now: its record would say that it
        is missing.

        ``paths`` are what the journal knows of; where that is not all, there may be others in the
        spool's own folder. Raises OSError.
        """
        named = {os.path.dirname(path) for path in paths}
        for folder, error in self.unread.items():
            if str(folder) in named or (folder == self._own and not all_known):
                raise error


class Finder:
    """Opens the files of one call's recording."""

    def __init__(self, disk: Disk, places: Places, call_id: str, folders: Iterable[Path]) -> None:
        self._disk = disk
        self._places = places
        self._call_id = call_id
        self._folders = tuple(folders)

    def tapes(self, parts: Iterable[int], note: Callable[[Tape], None]) -> None:
        """Open the files that are there and hand each to ``note``, in order: of these parts and
        all before, and of further ones for as long as there are any (R22). Raises OSError."""
        last = max(parts, default=1)
        part, moved = 1, False
        while True:
            found = self._lying(part, note)
            if not moved and os.path.lexists(self._places.audio(self._call_id, part)):
                moved = True  # before a crash, and others perhaps with it
                last = max(last, *parts_in(self._places.new).get(self._call_id, ()))
            if not found and part > last:
                return
            part += 1

    def _lying(self, part: int, note: Callable[[Tape], None]) -> bool:
        """Note the file of this part; the one that is worth most, where there are several."""
        places, call_id = self._places, self._call_id
        there: list[Tape] = []
        try:
            for folder in self._folders:
                self._open(part, places.recorded(call_id, part, folder), there)
            self._open(part, places.audio(call_id, part), there)
            if len(there) > 1 and there[-1].source == places.audio(call_id, part):
                self._leave_out_a_copy(there)
            if len(there) > 1:
                there.sort(key=_worth, reverse=True)
        finally:
            if there:
                first, *first.others = there
                for other in first.others:
                    other.extra = True
                note(first)
        return bool(there)

    def _open(self, part: int, path: str, there: list[Tape]) -> None:
        try:
            fd = self._disk.open(path, READ, 0)
        except FileNotFoundError:
            return
        except OSError as error:
            if not os.path.islink(path) and not stat.S_ISSOCK(os.lstat(path).st_mode):
                raise
            there.append(Tape(part, path, trouble=f"not a file: {os.strerror(error.errno or 0)}"))
            return
        found = os.fstat(fd)
        if any(tape.fd >= 0 and os.path.samestat(os.fstat(tape.fd), found) for tape in there):
            self._disk.close(fd)  # the same one, under another folder's name
            return
        tape = Tape(part, path, fd)
        there.append(tape)
        if stat.S_ISREG(found.st_mode):
            tape.fds.append(fd)
            tape.written_ns = found.st_mtime_ns
        else:
            tape.fd, tape.trouble = -1, "not a file"
            self._disk.close(fd)  # a pipe cannot be synced

    def _leave_out_a_copy(self, there: list[Tape]) -> None:
        """What lies in ``new/`` may be the copy of a file that was not cleared away before a
        crash: it is made anew."""
        if any(is_copy(there[-1], tape) for tape in there[:-1]):
            self._disk.close(there.pop().fd)


def _worth(tape: Tape) -> tuple[bool, int]:
    """Audio that can be read is worth more than what is longer and is none. Raises OSError."""
    try:
        with reading():
            audio = tape.fd >= 0 and inspect_fd(tape.fd, "recording").frames > 0
    except SpoolError:
        return False, tape.size
    return audio, tape.size


def is_copy(copy: Tape, original: Tape) -> bool:
    """Whether a file holds what the other one does, but for pauses that were made silent; not
    where the disk cannot give either back. Raises OSError."""
    if copy.fd < 0 or original.fd < 0:
        return False
    try:
        with reading():
            audio = inspect_fd(copy.fd, "copy"), inspect_fd(original.fd, "recording")
            return is_silenced_copy(copy.fd, audio[0], original.fd, audio[1])
    except SpoolError:
        return False


def holds_nothing(tape: Tape) -> bool:
    """Whether a file has no audio in it; what is none, or no recording, is not known to. Raises
    OSError."""
    if tape.fd < 0:
        return False
    try:
        with reading():
            return is_blank_fd(tape.fd) or inspect_fd(tape.fd, "recording").frames == 0
    except SpoolError as error:
        tape.trouble = str(error)
        return False
