"""Turns what lies in the spool into what lies in the archive: checked, encoded, sealed (R22).

The source is read once. What is hashed is what is kept, whatever else happens to the source
meanwhile. Blocks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from ivr.core.timeline import Stretch, part_of
from ivr.errors import DiskError, SpoolError
from ivr.retention.archive.encoding import UnfitError, encode_flac, encode_opus, shape
from ivr.retention.archive.names import part_name, record_name
from ivr.retention.archive.scratch import Source, Target, writing
from ivr.retention.archive.sealing import Reads, Recipients
from ivr.retention.model import Format, Part
from ivr.storage.atomic import REAL, Disk
from ivr.storage.opened import NoFileError, opened
from ivr.storage.record_schema import RecordModel

_TRIED: Mapping[Format, tuple[Format, ...]] = {
    "wav": (),
    "flac": ("flac",),
    "opus": ("opus", "flac"),
}
"""How it is tried to keep a part before it is kept as it is."""

log = structlog.get_logger(__name__)


class _Bytes:
    """A record, to be sealed."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def read(self, count: int) -> bytes:
        piece, self._left = self._left[:count], self._left[count:]
        return piece


class Keeper:
    """Makes files in a scratch folder that :meth:`Archive.put` can take. Safe to use from several
    threads."""

    def __init__(
        self, form: Format = "wav", recipients: Recipients | None = None, *, disk: Disk = REAL
    ) -> None:
        self.form: Format = form
        """How audio is kept where it can be kept so."""
        self._recipients = recipients or Recipients(())
        self._disk = disk

    @property
    def sealed(self) -> bool:
        """Whether what it makes is sealed."""
        return bool(self._recipients)

    def keep(
        self,
        source: Path,
        sha256: str,
        stem: str,
        scratch: Path,
        silences: Sequence[Stretch] = (),
    ) -> Part:
        """Make a part's file, ``scratch / Part.name``; its name ends by how it is kept.

        ``sha256`` is what the record has of the source, ``stem`` is ``<call>`` or ``<call>.2``,
        ``silences`` are what is paused in this part, in milliseconds from its beginning. The file
        is not synced: ``put`` does that. Raises SpoolError where the source is missing, is no file
        or is not what the record says; DiskError where it cannot be read or the file not be
        written. Nothing is then left in the scratch folder.
        """
        with _source(source) as fd:
            for form in _TRIED[self.form]:
                try:
                    return self._encoded(form, fd, source, sha256, stem, scratch, silences)
                except UnfitError as error:
                    log.warning(
                        "kept_otherwise", call=stem[:36], file=source.name, form=form,
                        reason=str(error),
                    )  # fmt: skip
            return self._copied(Source(fd), source, sha256, stem, scratch)

    def keep_record(self, data: bytes, call: str, scratch: Path) -> Part:
        """Make a record's file. Raises SpoolError for what is no call's id, and DiskError."""
        return self._written(_Bytes(data), scratch / record_name(call, self.sealed))

    def _encoded(
        self,
        form: Format,
        fd: int,
        source: Path,
        sha256: str,
        stem: str,
        scratch: Path,
        silences: Sequence[Stretch],
    ) -> Part:
        """Raises UnfitError where it cannot be kept so."""
        audio = shape(fd, source.name)
        reads = Source(fd)
        plain = scratch / part_name(stem, form, sealed=False)
        # Sealed, the plaintext must not be found after a crash: it has no name.
        with writing(plain, self._disk, nameless=self.sealed) as target:
            if form == "flac":
                encode_flac(fd, reads, audio, target)
            else:
                encode_opus(reads, audio, target, silences)
            check(source, reads, sha256)
            made = Source(target)
            if self.sealed:
                return self._written(made, scratch / part_name(stem, form, sealed=True))
            made.drain()
            return Part(plain.name, made.size, made.sha256)

    def _copied(self, reads: Source, source: Path, sha256: str, stem: str, scratch: Path) -> Part:
        path = scratch / part_name(stem, "wav", self.sealed)
        with writing(path, self._disk) as target:
            part = self._poured(reads, target, path.name)
            check(source, reads, sha256)
        return part

    def _written(self, reads: Reads, path: Path) -> Part:
        with writing(path, self._disk) as target:
            return self._poured(reads, target, path.name)

    def _poured(self, reads: Reads, fd: int, name: str) -> Part:
        target = Target(fd, self._disk)
        if self._recipients:
            self._recipients.seal(reads, target)
        else:
            while piece := reads.read(1 << 20):
                target.write(piece)
        target.flush()
        return Part(name, target.size, target.sha256)


def paused_in(record: RecordModel, number: int) -> tuple[Stretch, ...]:
    """What is paused in a part of a recording, in milliseconds from the part's beginning.

    Part ``number`` is that of the file's name and of the pauses, from 1.
    """
    offsets = {part_of(part.path): part.offset_ms for part in record.recording.parts}
    offset = offsets.get(number, 0)
    return tuple(
        (max(0, pause.start_ms - offset), max(0, pause.end_ms - offset))
        for pause in record.recording.pauses
        if pause.part == number
    )


def check(source: Path, reads: Source, sha256: str) -> None:
    """That what was read is what the record tells of. Raises SpoolError."""
    if reads.sha256 != sha256:
        raise SpoolError(
            f"{source}: is not the recording that its record tells of\n"
            f"  its SHA-256 is {reads.sha256}, expected {sha256}\n"
            "  it was changed or damaged after the engine had finished it; look who can write"
            " there, and for a copy"
        )


@contextmanager
def _source(path: Path) -> Iterator[int]:
    """A file of the spool. Raises SpoolError and DiskError."""
    try:
        with opened(path) as fd:
            yield fd
    except FileNotFoundError as error:
        raise SpoolError(f"{path}: is missing, though its record tells of it") from error
    except NoFileError as error:
        raise SpoolError(f"{path}: {error}") from error
    except OSError as error:
        raise _unread(path, error) from error


def _unread(path: Path, error: OSError) -> DiskError:
    return DiskError(
        f"{path}: cannot be read: {os.strerror(error.errno or 0)}\n"
        "  it stays where it is and is tried again; mend the disk, or the rights of the spool"
        " (docs/spool.md)"
    )
