"""Read a recording back: set headers right, prove its pauses, hash (R7, R22).

What lies on another disk than ``new/`` is copied first, and proved and hashed in the copy. What was
found of a pause is on disk, in ``tmp/``, before the first byte of it is made silent: after a crash
between that and the record the work is done again, finds silence, and still tells what was there.
Everything blocks and belongs in a thread.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from ivr.core.record import FoundAudio, Proof
from ivr.core.timeline import Span
from ivr.errors import SpoolError
from ivr.recording.audio import Audio, inspect_fd, is_blank_fd, repair_fd, sha256_fd
from ivr.recording.silence import peak_between, silence, survey
from ivr.storage.aside import Aside, is_damage
from ivr.storage.atomic import (
    Disk,
    SourceError,
    begin_writing_back,
    copy_all,
    write_durably,
    write_new,
)
from ivr.storage.encode import encoder
from ivr.storage.opened import NoFileError, read_file, why_not
from ivr.storage.places import Places
from ivr.storage.tape import Tape, reading, unreadable

_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_to_json = encoder(Proof)


def _widen(proofs: list[Proof], other: Proof, longest_ms: int) -> None:
    """Put what was found before into the proof of the same pause, where that lies there, or else
    into the nearest one."""
    begin, end = max(0, other.begin_ms), min(longest_ms, other.end_ms)
    if begin >= end:
        return
    apart = [max(proof.begin_ms - end, begin - proof.end_ms) for proof in proofs]
    same = [
        gap < 0 and proof.pause == other.pause for gap, proof in zip(apart, proofs, strict=True)
    ]
    at = max(range(len(proofs)), key=lambda number: (same[number], -apart[number]))
    proofs[at] = replace(
        proofs[at],
        begin_ms=min(proofs[at].begin_ms, begin),
        end_ms=max(proofs[at].end_ms, end),
        peak=max(proofs[at].peak, other.peak),
        leaked_peak=max(proofs[at].leaked_peak, other.leaked_peak),
    )


class ReadBack:
    """Reads the files of one call's recording."""

    def __init__(self, disk: Disk, places: Places, call_id: str, aside: Aside) -> None:
        self._disk = disk
        self._places = places
        self._call_id = call_id
        self._aside = aside
        self.doubts: list[str] = []
        """What of the pauses is not known for sure."""

    def listen(self, tape: Tape, spans: Sequence[Span]) -> FoundAudio:
        """What the file holds, once its header is right and its pauses are silent.

        ``spans`` are those of this part. Raises OSError, DiskError.
        """
        if tape.fd < 0 or is_blank_fd(tape.fd):
            return self._nothing(tape)
        try:
            return self._heard(tape, spans)
        except SpoolError as error:
            tape.trouble = str(error)
            if tape.copied:  # a copy that cannot be read again is of no use
                tape.source, tape.copied = tape.copied, ""
            return self._nothing(tape)

    def set_aside(self, tape: Tape, spans: Sequence[Span], why: str) -> None:
        """Set a file aside that belongs to no record, as silent as if it did (R7). Raises OSError,
        DiskError."""
        tape.extra = True
        self.listen(tape, spans)
        if tape.writable:
            self._disk.fsync(tape.fd)
        self._aside.put(tape.source, f"{why}\n", copied=tape.copied)

    def _name(self, tape: Tape) -> str:
        return f"new/{os.path.basename(self._places.audio(self._call_id, tape.part))}"

    def _nothing(self, tape: Tape) -> FoundAudio:
        what = (self._name(tape), "wav", 2, 8000, 0, 0, "", False, tape.part, tape.trouble)
        return FoundAudio(*what, written_ms=tape.written_ms)

    def _heard(self, tape: Tape, spans: Sequence[Span]) -> FoundAudio:
        with reading():
            audio = inspect_fd(tape.fd, "recording")
        if not audio.frames:
            return self._nothing(tape)
        if os.fstat(tape.fd).st_dev != os.stat(self._places.new).st_dev:
            self._copy(tape)
            with reading():  # it may have grown meanwhile: the copy is what is told of
                audio = inspect_fd(tape.fd, "recording")
        proofs = self._proved(tape, audio, spans) if spans else ()
        if audio.repaired:
            disk = self._disk
            repair_fd(self._writable(tape), "recording", disk.ftruncate, disk.pwrite)
        if loud := self._loud(tape.fd, audio, proofs):
            self._silence(tape, audio, proofs, loud)
        self._keep_time(tape)
        with reading():
            digest = sha256_fd(tape.fd)
        begin_writing_back(tape.fd)
        return FoundAudio(
            self._name(tape),
            "wav",
            audio.channels,
            audio.rate,
            audio.frames,
            os.fstat(tape.fd).st_size,
            digest,
            audio.repaired,
            tape.part,
            "",
            proofs,
            tape.written_ms,
        )

    def _proved(self, tape: Tape, audio: Audio, spans: Sequence[Span]) -> tuple[Proof, ...]:
        """What must be silent, and what was found there: before a crash as well, where there was
        one, for its work may have been done since.

        What is remembered never stands for looking: the journal may have lost a line since, and
        its pauses have other numbers. It only widens what must be silent, and raises the peaks.
        """
        with reading():
            seen = survey(tape.fd, audio, spans)
        proofs = list(seen)
        for other in self._remembered(tape) if seen and not tape.extra else ():
            _widen(proofs, other, -(-audio.frames * 1000 // audio.rate))
        for number, proof in enumerate(proofs):
            if proof is not seen[number]:
                with reading():
                    peak = peak_between(tape.fd, audio, proof.begin_ms, proof.end_ms)
                proofs[number] = replace(proof, peak=max(proof.peak, peak))
        return tuple(proofs)

    @staticmethod
    def _loud(fd: int, audio: Audio, proofs: Iterable[Proof]) -> tuple[Proof, ...]:
        """Those that are not silent at this moment."""
        with reading():
            return tuple(
                proof
                for proof in proofs
                if proof.peak and peak_between(fd, audio, proof.begin_ms, proof.end_ms)
            )

    def _silence(
        self, tape: Tape, audio: Audio, proofs: Sequence[Proof], loud: Sequence[Proof]
    ) -> None:
        if not tape.extra:
            path = self._places.proofs(self._call_id, tape.part)
            lines = "".join(f"{_to_json(proof)}\n" for proof in proofs)
            write_durably(Path(path), lines.encode("ascii"), Path(f"{path}.new"), self._disk)
        fd = self._writable(tape)
        silence(fd, audio, loud, self._disk.pwrite)
        self._disk.fsync(fd)
        if self._loud(fd, audio, loud):
            raise OSError(errno.EIO, os.strerror(errno.EIO), tape.source)

    def _remembered(self, tape: Tape) -> Iterator[Proof]:
        """What an earlier run found, before it made it silent. Raises OSError."""
        path = self._places.proofs(self._call_id, tape.part)
        try:
            lines = read_file(path).splitlines()
        except FileNotFoundError:
            return
        except (OSError, NoFileError) as error:
            if isinstance(error, OSError) and not is_damage(error):
                raise
            self._aside.put(path, f"{why_not(error)}\n")
            self.doubts.append("what was found of its pauses before a crash cannot be read")
            return
        for line in lines:
            try:
                proof = Proof(**json.loads(line))
            except (ValueError, TypeError):
                continue  # of another version of the engine
            if all(type(value) is int for value in astuple(proof)):
                yield proof

    def forget(self, parts: Iterable[int]) -> None:
        """The record is there: what was found needs no other memory, and a copy that was begun
        before a crash, with all that was said in it, is of no more use. Raises OSError."""
        for part in parts:
            found = self._places.proofs(self._call_id, part)
            for path in (found, f"{found}.new", self._places.copied(self._call_id, part)):
                if os.path.lexists(path):
                    self._disk.unlink(path)

    def _writable(self, tape: Tape) -> int:
        """Open the file for writing, or a copy of it where FreeSWITCH left it read-only to this
        user. It is then read from there."""
        if tape.writable:
            return tape.fd
        try:
            writable = self._disk.open(tape.source, _WRITE, 0)
        except PermissionError:
            self._copy(tape)
            return tape.fd
        tape.fds.append(writable)
        if not os.path.sameopenfile(tape.fd, writable):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), tape.source)
        tape.fd, tape.writable = writable, True
        return writable

    def _copy(self, tape: Tape) -> None:
        """Go on with a copy in ``tmp/``; the file itself goes once the record is there. Raises
        SpoolError where the disk cannot give it back, OSError."""
        path = self._places.copied(self._call_id, tape.part)
        try:
            self._disk.close(write_new(self._disk, path, b""))
            copy = self._disk.open(path, _WRITE, 0)
            tape.fds.append(copy)
            copy_all(self._disk, tape.fd, copy)
        except OSError as error:
            if os.path.isfile(path):
                self._disk.unlink(path)  # its room is needed
            if isinstance(error, SourceError) and is_damage(error):
                raise unreadable(error) from error
            raise
        tape.copied, tape.copied_bytes, tape.source = tape.source, tape.size, path
        tape.fd, tape.writable = copy, True

    def _keep_time(self, tape: Tape) -> None:
        """When the file was last written stays readable from it, whatever the engine wrote."""
        if tape.writable:
            try:
                self._disk.set_time(tape.fd, tape.written_ns)
            except PermissionError:
                return  # it is FreeSWITCH's; only a second try after a crash would want it
