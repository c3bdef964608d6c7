"""What the journal does in its thread: write and sync what gathered, and tidy up (R22)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import DiskError
from ivr.storage.atomic import disk_error
from ivr.storage.fault import describe
from ivr.storage.segments import Reading, SegmentWriter, keep_bad_lines, no_more_unread, read


@dataclass(slots=True, eq=False)
class OpenCall:
    """What the journal remembers of a call until its end is on disk."""

    next_number: int
    oldest: int
    """Number of the oldest segment that has, or is to have, entries of it."""


Synced = Callable[[DiskError | None], None]
"""Told on the hub's thread when all is on disk, or why not; it must not block."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one job does and who waits for it."""

    data: bytes
    waiting: tuple[Synced, ...]
    closing: tuple[OpenCall, ...]
    carried: tuple[tuple[int, frozenset[str]], ...]
    number: int
    spare: bool
    """Segment ``number`` is in the spare folder."""
    remove: tuple[int, ...]
    carry: tuple[int, frozenset[str]] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to."""

    error: DiskError | None
    """Why the entries are not on disk."""
    untidy: DiskError | None
    """Why old segments could not be removed or read; they are tried again."""
    lines: tuple[tuple[str, bytes], ...]
    number: int = 0
    """The segment that took the entries."""
    refused: DiskError | None = None
    """Why the folder that was tried first did not take them."""


class Job:
    """The thread's side of the journal."""

    def __init__(self, folder: Path, writer: SegmentWriter) -> None:
        self._folder = folder
        self.writer = writer

    def run(self, work: Work) -> Outcome:
        """Write and sync, then tidy up. Errors and faults are its result."""
        lines: tuple[tuple[str, bytes], ...] = ()
        number, refused = work.number, None
        if work.data:
            try:
                number, why = self.writer.write(work.number, work.data, spare=work.spare)
                refused = None if why is None or work.spare else self._refusal(work, why)
            except OSError as error:
                return Outcome(self._refusal(work, error), None, ())
            except Exception as fault:  # noqa: BLE001  # the root of the thread's work
                return Outcome(self.at_fault("written", fault), None, ())
        try:
            self.writer.remove(work.remove)
            if work.carry is not None:
                lines = self.writer.lines_of(*work.carry)
        except OSError as error:
            untidy = disk_error("tidy up", self._folder, error)
            return Outcome(None, untidy, (), number, refused)
        except Exception as fault:  # noqa: BLE001  # the root of the thread's work
            return Outcome(None, self.at_fault("tidied up", fault), (), number, refused)
        return Outcome(None, None, lines, number, refused)

    def _refusal(self, work: Work, error: OSError) -> DiskError:
        """Why the journal's own folder did not take the entries, which was tried first unless the
        last ones went to the spare one."""
        path = self.writer.path(work.number + work.spare)
        return disk_error("write the journal", path, error)

    def at_fault(self, what: str, fault: BaseException) -> DiskError:
        """What to tell of a fault of the program, which is no refusal of the disk's."""
        return DiskError(
            f"{self._folder}: the journal could not be {what}, by a fault of the engine: "
            f"{describe(fault)}\n  nothing is lost: it is tried again; report the fault"
        )


def recover(folder: Path, spare: Path | None) -> Reading:
    """Read the segments, and keep what is damaged before they go.

    Where the disk takes nothing of it, the spare folder has to. Raises DiskError.
    """
    reading = read(folder, spare)
    aside = folder.parent / "aside"
    no_more_unread(reading, aside, spare)
    if reading.bad and aside.is_dir():
        try:
            keep_bad_lines(reading, aside)
        except DiskError:
            if spare is None:
                raise
            keep_bad_lines(reading, spare)
    return reading
