"""Read a recording back: find its files, set headers right, prove its pauses, hash (R7, R22).

What was found of a pause is on disk, in ``tmp/``, before the first byte of it is made silent:
after a crash between that and the record the work is done again, finds silence, and still tells
what was there. Everything blocks and belongs in a thread.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from ivr.core.record import FoundAudio, Proof
from ivr.core.timeline import Span
from ivr.errors import SpoolError
from ivr.recording.audio import Audio, inspect_fd, is_blank_fd, repair_fd, sha256_fd
from ivr.recording.silence import peak_between, silence, survey
from ivr.storage.atomic import Disk, begin_writing_back, write_all, write_durably, write_new
from ivr.storage.encode import encoder
from ivr.storage.names import call_and_part
from ivr.storage.places import Places

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_to_json = encoder(Proof)


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
    """All that is open of it: to be synced, and closed."""
    found: FoundAudio | None = None
    copied: str = ""
    """A file that was replaced by a copy, as it was not ours to write."""

    @property
    def kept(self) -> bool:
        """It holds audio."""
        return self.found is not None and self.found.frames > 0


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


def parts_in(folder: Path) -> dict[str, list[int]]:
    """Which parts of which calls' recordings lie in a folder. Raises OSError."""
    found: dict[str, list[int]] = {}
    for name in os.listdir(folder):
        named = call_and_part(name.removesuffix(".wav")) if name.endswith(".wav") else None
        if named is not None:
            found.setdefault(named[0], []).append(named[1])
    return found


class ReadBack:
    """Reads the files of one call's recording."""

    def __init__(self, disk: Disk, places: Places, call_id: str) -> None:
        self._disk = disk
        self._places = places
        self._call_id = call_id

    def tapes(self, parts: Iterable[int], note: Callable[[Tape], None]) -> None:
        """Open the files that are there and hand each to ``note``, in order: of these parts and
        all before, and of further ones for as long as there are any (R22). Raises OSError."""
        last = max(parts, default=1)
        part, moved = 1, False
        while True:
            tape = self._find(part)
            if tape is not None:
                note(tape)
                if not moved and tape.source == self._places.audio(self._call_id, part):
                    moved = True  # before a crash, and others perhaps with it
                    last = max(last, *parts_in(self._places.new).get(self._call_id, ()))
            elif part > last:
                return
            part += 1

    def _find(self, part: int) -> Tape | None:
        places, call_id = self._places, self._call_id
        for path in (places.recorded(call_id, part), places.audio(call_id, part)):
            try:
                fd = self._disk.open(path, _READ, 0)
            except FileNotFoundError:
                continue
            except OSError as error:
                if not os.path.islink(path) and not stat.S_ISSOCK(os.lstat(path).st_mode):
                    raise
                return Tape(part, path, trouble=f"not a file: {os.strerror(error.errno or 0)}")
            tape = Tape(part, path, fd)
            if stat.S_ISREG(os.fstat(fd).st_mode):
                tape.fds.append(fd)
            else:
                tape.fd, tape.trouble = -1, "not a file"
                self._disk.close(fd)  # a pipe cannot be synced
            return tape
        return None

    def listen(self, tape: Tape, spans: Sequence[Span]) -> FoundAudio:
        """What the file holds, once its header is right and its pauses are silent.

        ``spans`` are those of this part. Raises OSError, DiskError.
        """
        name = f"new/{os.path.basename(self._places.audio(self._call_id, tape.part))}"
        nothing = FoundAudio(name, "wav", 2, 8000, 0, 0, "", False, tape.part, tape.trouble)
        if tape.fd < 0 or is_blank_fd(tape.fd):
            return nothing
        try:
            audio = inspect_fd(tape.fd, "recording")
        except SpoolError as error:
            tape.trouble = str(error)
            return FoundAudio(name, "wav", 2, 8000, 0, 0, "", False, tape.part, tape.trouble)
        proofs = self._proved(tape, audio, spans) if spans and audio.frames else ()
        if audio.repaired and audio.frames:
            repair_fd(self._writable(tape), "recording")
        if loud := self._loud(tape.fd, audio, proofs):
            self._silence(tape, audio, proofs, loud)
        found = FoundAudio(
            name,
            "wav",
            audio.channels,
            audio.rate,
            audio.frames,
            os.fstat(tape.fd).st_size,
            sha256_fd(tape.fd) if audio.frames else "",
            audio.repaired,
            tape.part,
            "",
            proofs,
        )
        begin_writing_back(tape.fd)
        return found

    def _proved(self, tape: Tape, audio: Audio, spans: Sequence[Span]) -> tuple[Proof, ...]:
        """What must be silent, and what was found there: before a crash as well, where there was
        one, for its work may have been done since.

        What is remembered never stands for looking: the journal may have lost a line since, and
        its pauses have other numbers. It only widens what must be silent, and raises the peaks.
        """
        seen = survey(tape.fd, audio, spans)
        proofs = list(seen)
        for other in self._remembered(tape) if seen else ():
            _widen(proofs, other, -(-audio.frames * 1000 // audio.rate))
        for number, proof in enumerate(proofs):
            if proof is not seen[number]:
                peak = peak_between(tape.fd, audio, proof.begin_ms, proof.end_ms)
                proofs[number] = replace(proof, peak=max(proof.peak, peak))
        return tuple(proofs)

    @staticmethod
    def _loud(fd: int, audio: Audio, proofs: Iterable[Proof]) -> tuple[Proof, ...]:
        """Those that are not silent at this moment."""
        return tuple(
            proof
            for proof in proofs
            if proof.peak and peak_between(fd, audio, proof.begin_ms, proof.end_ms)
        )

    def _silence(
        self, tape: Tape, audio: Audio, proofs: Sequence[Proof], loud: Sequence[Proof]
    ) -> None:
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
        try:
            fd = self._disk.open(self._places.proofs(self._call_id, tape.part), _READ, 0)
        except FileNotFoundError:
            return
        with open(fd, "rb") as file:
            for line in file:
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
        if len(tape.fds) > 1:
            return tape.fd  # opened before
        try:
            writable = self._disk.open(tape.source, _WRITE, 0)
        except PermissionError:
            copy = self._places.copied(self._call_id, tape.part)
            tape.fds.append(write_new(self._disk, copy, b""))
            writable = self._disk.open(copy, _WRITE, 0)
            tape.fds.append(writable)
            with open(tape.fd, "rb", closefd=False) as original:
                while piece := original.read(1 << 20):
                    write_all(self._disk, writable, piece)
            shutil.copymode(tape.source, copy)
            tape.copied, tape.source = tape.source, copy
        else:
            tape.fds.append(writable)
            if not os.path.sameopenfile(tape.fd, writable):
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), tape.source)
        tape.fd = writable
        return writable
