"""What waits in a spool's ``new/``: listed once, then worked off.

A folder of a hundred thousand records is not listed and sorted again for each batch. The oldest
come first. Only ``<call>.json`` is looked for; audio alone is not finished, and what has another
name is nobody's (``docs/spool.md``). Nothing is opened here, no link is followed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ivr.errors import DiskError
from ivr.storage.names import audio_of, is_call_id

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RECORD = ".json"


class Waiting(NamedTuple):
    """A record that is to be taken in."""

    changed_ns: int
    """When it was written, by the file's own time, since 1970."""
    call: str


class Listing:
    """The records of one spool. Not to be used by several threads at once."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.new = spool / "new"
        self.strange = 0
        """Names in ``new/`` that are not the engine's, as of the last look."""
        self._queue: deque[Waiting] = deque()
        self._put_off: set[Waiting] = set()
        self._left: set[Waiting] = set()

    def look(self) -> None:
        """List what is there. What was left is not offered again until it changes.

        Raises DiskError where the folder cannot be read.
        """
        found, strange = [], 0
        with self._scanned() as entries:
            for entry in entries:
                name = entry.name
                call = name.removesuffix(_RECORD)
                if call is not name and is_call_id(call):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    found.append(Waiting(status.st_mtime_ns, call))
                elif not name.endswith(".wav") or audio_of(name) is None:
                    strange += 1
        self.strange = strange
        self._left.intersection_update(found)
        late, self._put_off = self._put_off, set()
        # What could not be taken comes last: it must not hold up what can.
        offered = (each for each in found if each not in self._left)
        self._queue = deque(sorted(offered, key=lambda each: (each in late, each)))

    def take(self, most: int) -> list[Waiting]:
        """The next ones, of what the last look found; none where all were offered."""
        queue = self._queue
        return [queue.popleft() for _ in range(min(most, len(queue)))]

    def give_back(self, waiting: Sequence[Waiting]) -> None:
        """Offer these again before all others."""
        self._queue.extendleft(reversed(waiting))

    def put_off(self, waiting: Waiting) -> None:
        """It could not be taken; the next look offers it again."""
        self._put_off.add(waiting)

    def leave(self, waiting: Waiting) -> None:
        """It cannot be taken as it is; it is offered again when it has changed, or by the next
        process."""
        self._left.add(waiting)

    @property
    def waiting(self) -> int:
        """How many records are still there, as far as the last look knows."""
        return len(self._queue) + len(self._put_off) + len(self._left)

    @property
    def queued(self) -> int:
        """How many :meth:`take` can still hand out."""
        return len(self._queue)

    @property
    def left(self) -> int:
        """How many are left where they are until they change."""
        return len(self._left)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of those that wait was written; None where none waits."""
        waiting = [*self._put_off, *self._left]
        if self._queue:
            waiting += (self._queue[0], self._queue[-1])
        return min(waiting).changed_ns // 1_000_000 if waiting else None

    def has_any(self, calls: Collection[str]) -> set[str]:
        """Those of the calls whose record is there now, as far as can be seen."""
        return {call for call in calls if os.path.lexists(self.new / f"{call}{_RECORD}")}

    def audio_of(self, calls: Collection[str]) -> dict[str, list[str]]:
        """The names of all audio there is of each of these calls. Raises DiskError."""
        found: dict[str, list[str]] = {call: [] for call in calls}
        with self._scanned() as entries:
            for entry in entries:
                if entry.name.endswith(".wav") and (named := audio_of(entry.name)):
                    found.get(named[0], []).append(entry.name)
        return found

    def audio_without_record(self, calls: Collection[str]) -> list[str]:
        """Names of the audio of these calls whose record is not there. Raises DiskError."""
        with self._scanned() as entries:
            names = {entry.name for entry in entries if entry.name[:36] in calls}
        return sorted(
            name
            for name in names
            if name.endswith(".wav") and audio_of(name) and f"{name[:36]}{_RECORD}" not in names
        )

    @contextmanager
    def _scanned(self) -> Iterator[Iterator[os.DirEntry[str]]]:
        try:
            fd = os.open(self.new, _FOLDER)
            try:
                with os.scandir(fd) as entries:
                    yield entries
            finally:
                os.close(fd)
        except OSError as error:
            raise DiskError(
                f"{self.new}: cannot be read: {os.strerror(error.errno or 0)}\n"
                "  expected the spool that an engine has made (retention.yaml: spools), readable by"
                " this user's group; nothing is taken in from there meanwhile"
            ) from error
