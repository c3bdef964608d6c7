"""Gives back what was kept: checked against its hash, opened, and as WAV where that is asked for.

Plaintext of what is sealed lies in a file without a name, which is gone with whoever reads it.
Blocks.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from datetime import date
from typing import BinaryIO

from ivr.errors import StoreError
from ivr.retention.archive.encoding import UnfitError, wav_of_flac, wav_of_opus
from ivr.retention.archive.names import Named, checked_name, named
from ivr.retention.archive.protocol import Archive
from ivr.retention.archive.scratch import Source
from ivr.retention.archive.sealing import Identities, SealedError
from ivr.retention.model import Part, Recording
from ivr.storage.atomic import SourceError, disk_error


class Reader:
    """Reads recordings of an archive. Safe to use from several threads."""

    def __init__(self, archive: Archive, identity: bytes | None = None) -> None:
        """``identity`` is a file of secret keys as age-keygen writes it, for what is sealed.

        Raises SealedError where it holds none.
        """
        self._archive = archive
        self._identities = None if identity is None else Identities(identity)

    def record(self, recording: Recording) -> bytes:
        """The record as the engine wrote it. Raises StoreError, SealedError, DiskError."""
        name, sha256 = recording.record_name, recording.record_sha256
        with self._opened(recording.day, name, sha256) as file:
            return file.read()

    def stored(self, day: date, name: str) -> tuple[bytes, Part]:
        """A record that no index tells of, and what it is as it lies there: for building the index
        anew. Raises as :meth:`record` does, but cannot know whether its hash is right."""
        with self._archive.open(day, name) as file:
            source = Source(file.fileno())
            source.drain()
        part = Part(name, source.size, source.sha256)
        with self._opened(day, name, part.sha256) as plain:
            return plain.read(), part

    def audio(self, recording: Recording, part: Part) -> BinaryIO:
        """A part as it was kept, opened: WAV, FLAC or Ogg Opus, by ``named(part.name).kind``.

        At its beginning, seekable, to be closed by the caller. It is a file of the system, so that
        ``/proc/self/fd/<fileno>`` serves as its path. Raises StoreError where it is missing,
        damaged or not what was put there, SealedError where it is sealed and no key fits, DiskError
        where there is no room to open it.
        """
        return self._opened(recording.day, part.name, part.sha256)

    def wav(self, recording: Recording, part: Part) -> BinaryIO:
        """The same as a WAV file: of WAV and FLAC the very one that the engine wrote, with the hash
        that its record has. Raises as :meth:`audio` does."""
        file = self.audio(recording, part)
        kind = _said(part.name).kind
        if kind == "wav":
            return file
        with file:
            decoded = wav_of_flac if kind == "flac" else wav_of_opus
            try:
                return self._filled(lambda target: _write(decoded(file.fileno()), target))
            except UnfitError as error:
                raise StoreError(
                    f"{recording.day}/{part.name}: {error}\n"
                    "  it is what was put there, so this program cannot read what it once wrote;"
                    " look whether libsndfile is of another version"
                ) from error

    def _opened(self, day: date, name: str, sha256: str) -> BinaryIO:
        """A file's plaintext, once all of it was read and its hash is right."""
        file = self._archive.open(day, name)
        try:
            source = Source(file.fileno())
            if not _said(name).sealed:
                _check(day, name, source, sha256)
                return file
            plain = self._filled(lambda target: self._unseal(day, name, source, sha256, target))
        except SourceError as error:
            file.close()
            raise StoreError(
                f"{day}/{name}: cannot be read: {os.strerror(error.errno or 0)}\n"
                "  mend the disk, or take it from a copy"
            ) from error
        except BaseException:
            file.close()
            raise
        file.close()
        return plain

    def _unseal(self, day: date, name: str, source: Source, sha256: str, target: BinaryIO) -> None:
        if self._identities is None:
            raise SealedError(
                f"{day}/{name}: is sealed, and its secret key is not on this host\n"
                "  whoever has it gives the identity file that age-keygen wrote"
            )
        try:
            whole = self._identities.open(source, target)
        except SealedError as error:
            # What was damaged may look like something that is sealed to others.
            _check(day, name, source, sha256)
            raise SealedError(f"{day}/{name}: {error}") from None
        _check(day, name, source, sha256)
        if not whole:
            raise StoreError(
                f"{day}/{name}: is what was put there, and cannot be opened\n"
                "  it was damaged before, or is no file of age"
            )

    def _filled(self, fill: Callable[[BinaryIO], None]) -> BinaryIO:
        """A file without a name, filled and at its beginning. Raises DiskError."""
        try:
            # Closed by whoever gets it.
            plain: BinaryIO = tempfile.TemporaryFile(dir=self._archive.scratch)  # noqa: SIM115 # above
            try:
                fill(plain)
                plain.seek(0)
            except BaseException:
                plain.close()
                raise
        except SourceError:
            raise
        except OSError as error:
            raise disk_error("write in", self._archive.scratch, error) from error
        return plain


def _said(name: str) -> Named:
    said = named(checked_name(name))
    assert said is not None
    return said


def _check(day: date, name: str, source: Source, sha256: str) -> None:
    """That all of a file has this hash. Raises StoreError."""
    source.drain()
    if source.sha256 != sha256:
        raise StoreError(
            f"{day}/{name}: is not what was put there\n"
            f"  its SHA-256 is {source.sha256}, expected {sha256}\n"
            "  it was changed or damaged since; it is handed out to nobody; look who can write"
            " there, and for a copy"
        )


def _write(pieces: Iterable[bytes], target: BinaryIO) -> None:
    for piece in pieces:
        target.write(piece)
