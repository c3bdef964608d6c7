"""Verify the trail: each fault is found and located, in one pass and flat memory (R17)."""

from __future__ import annotations

import fcntl
import os
from binascii import hexlify
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ivr.retention.audit import checkpoints
from ivr.retention.audit.chain import Chain
from ivr.retention.audit.files import LogFile, log_files, open_file, unreadable
from ivr.retention.audit.line import LONGEST, Head, logged
from ivr.retention.audit.report import Findings, Kind, Place, Report, Torn
from ivr.retention.audit.sealed import Sealed
from ivr.retention.audit.signed import Vouched, compare, gather
from ivr.retention.audit.stores import ParticularsStore
from ivr.retention.audit.trail import MISSING, TrailLimits

_CHUNK = 1 << 20
_MISSING = f'"action":"{MISSING}"'.encode("ascii")
_SEALED = b'"sealed":"'

Progress = Callable[[int, int], None]
"""Told how many bytes were read so far, of how many."""


def verify(
    folder: Path,
    *,
    head: Head | None = None,
    key: Ed25519PublicKey | None = None,
    copies: Sequence[Path] = (),
    particulars: ParticularsStore | None = None,
    limits: TrailLimits | None = None,
    progress: Progress | None = None,
) -> Report:
    """Read the whole trail and tell what is wrong with it. Others may append meanwhile.

    ``head`` is what the index remembers, **asked for before**; None where it remembers nothing,
    and then a cut between two lines after the last check-point cannot be found. ``key`` checks the
    check-points, those in the folder and those in the files ``copies``. ``limits`` are those the
    trail is written with. Raises StoreError where something cannot be read.
    """
    findings = Findings()
    vouched = gather(folder / checkpoints.NAME, copies, key, findings)
    if head is not None:
        vouched.append(Vouched(head, "the index", False))
    known = None if head is None else max(each.head.seq for each in vouched)
    chain = Chain(findings, known, frozenset(each.head.seq for each in vouched))
    sealed = Sealed(particulars, findings)
    files = _files(folder)
    reader = _Reader(chain, sealed, findings, sum(size for _file, size in files), progress)
    limits = limits or TrailLimits()
    torn = _read_all(reader, files, limits)
    sealed.finish()
    at_end, entries = Head(chain.seq, chain.hash), chain.entries
    if (left := chain.residue) is not None:
        file, size = files[-1]
        torn = Torn(left.place, size - _offset(file.path, left.place.line))
        findings.faults = [each for each in findings.faults if not _begins(each.place, left.place)]
        at_end, entries = Head(left.seq, left.hash), left.entries
    right = compare(vouched, chain.seen, at_end, reader.end, findings)
    if any(fault.kind is Kind.TRUNCATED for fault in findings.faults):
        torn = None
    return Report(
        entries=entries,
        files=len(files),
        head=at_end,
        faults=tuple(sorted(findings.faults, key=lambda fault: fault.place)),
        more=findings.more,
        torn=torn,
        check_points=right,
        particulars=sealed.checked,
        gone=sealed.gone,
    )


def _begins(place: Place, from_here: Place) -> bool:
    """Whether a place of the trail is this one or a later one of the same file."""
    return place.order == from_here.order and place.line >= from_here.line


def _files(folder: Path) -> list[tuple[LogFile, int]]:
    """The files and their sizes while nobody writes. Raises StoreError."""
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        lock: int | None = os.open(folder / "lock", flags)
    except OSError:
        # A copy of a trail, on a host where nobody writes it.
        lock = None
    try:
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_SH)
        return [(file, os.stat(file.path).st_size) for file in log_files(folder)]
    except OSError as error:
        raise unreadable(folder, error) from error
    finally:
        if lock is not None:
            os.close(lock)


def _read_all(
    reader: _Reader, files: Sequence[tuple[LogFile, int]], limits: TrailLimits
) -> Torn | None:
    """Read every file; hands back the unfinished line at the end of the last."""
    chain = reader.chain
    torn: Torn | None = None
    full = False
    for order, (file, size) in enumerate(files):
        begun = chain.seq
        torn = reader.read(file, size, order, full)
        full = chain.seq - begun >= limits.entries or size >= limits.size
        if torn is not None and order < len(files) - 1:
            chain.unfinished(reader.rest, torn.place)
    chain.finish()
    return torn


def _offset(path: Path, line: int) -> int:
    """Where a line of a file begins. Raises StoreError."""
    at = 0
    try:
        with open_file(path) as file:
            for _number in range(line - 1):
                at += len(file.readline())
    except OSError as error:
        raise unreadable(path, error) from error
    return at


class _Reader:
    """Reads files; what fits is followed here, by a loop that is made for speed."""

    def __init__(
        self,
        chain: Chain,
        sealed: Sealed,
        findings: Findings,
        total: int,
        progress: Progress | None,
    ) -> None:
        self.chain = chain
        self.rest = b""
        """What the last file holds after its last line's end."""
        self.end = Place(0, "", 0)
        """The last line."""
        self._sealed = sealed
        self._findings = findings
        self._total = total
        self._done = 0
        self._progress = progress

    def read(self, file: LogFile, size: int, order: int, full: bool) -> Torn | None:
        """Read a file up to a size; hands back what it holds after its last line's end. ``full``
        says whether the file before it was as long as files are. Raises StoreError."""
        name = file.path.name
        self.rest = b""
        number = left_over = 0
        try:
            with open_file(file.path) as source:
                while size > 0 and (data := source.read(min(_CHUNK, size))):
                    size -= len(data)
                    *lines, self.rest = (self.rest + data).split(b"\n")
                    left_over = len(self.rest) if lines else left_over + len(data)
                    # A line that is longer is none, whatever it is: its beginning shows that.
                    self.rest = self.rest[: LONGEST + 1]
                    if number == 0 and lines:
                        self.chain.begin_file(file.first, lines[0], Place(order, name, 1), full)
                    self._follow(lines, number, order, name)
                    number += len(lines)
                    self._done += len(data)
                    if self._progress is not None:
                        self._progress(self._done, self._total)
        except OSError as error:
            raise unreadable(file.path, error) from error
        if number == 0:
            self.chain.begin_file(file.first, self.rest, Place(order, name, 1), full)
        self.end = Place(order, name, number)
        return Torn(Place(order, name, number + 1), left_over) if left_over else None

    def _follow(self, lines: Sequence[bytes], number: int, order: int, name: str) -> None:
        """Follow the chain along some lines; ``number`` is that of the line before them."""
        chain = self.chain
        seq, before, calm = chain.seq, chain.hash, chain.calm
        watched, seen = chain.watched, chain.seen
        for line in lines:
            number += 1
            if calm:
                start = b"%d " % (seq + 1)
                text = len(start) + 65
                digest = sha256(before + start + line[text:]).digest()
                if line[:text] == start + hexlify(digest) + b" ":
                    seq += 1
                    before = digest
                    if seq in watched:
                        seen[seq] = (digest, Place(order, name, number))
                    if _SEALED in line:
                        self._sealed.take(line, Place(order, name, number))
                    if _MISSING in line:
                        self._missing(line, Place(order, name, number))
                    continue
            place = Place(order, name, number)
            chain.reached(seq, before)
            chain.take(line, place)
            if _SEALED in line:
                self._sealed.take(line, place)
            if _MISSING in line:
                self._missing(line, place)
            seq, before, calm = chain.seq, chain.hash, chain.calm
        chain.reached(seq, before)

    def _missing(self, line: bytes, place: Place) -> None:
        """An entry by which the trail itself told that others were gone."""
        entry = logged(line)
        if entry is not None:
            self._findings.add(place, entry.seq, Kind.TRUNCATED, f"found before: {entry.detail}")
