"""Signed check-points: who re-computes the whole chain after a change is found by them (R17).

A line of ``checkpoints`` is ``<seq> <hash> <at> <signature>``, the signature in base64. What is
signed is :func:`signed_text`, so that ``openssl`` can check it too
(``docs/decisions/0016-audit-trail.md``). A copy on another host is what one who owns this host
cannot change.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ivr.errors import DiskError
from ivr.retention.audit.files import open_file, unreadable
from ivr.retention.audit.line import Head, WallClock, moment
from ivr.storage.atomic import REAL, Disk, disk_error, sync_folder, write_all

log = structlog.get_logger(__name__)

NAME = "checkpoints"
_LINE = re.compile(
    rb"([1-9][0-9]{0,17}) ([0-9a-f]{64})"
    rb" ([0-9]{4,}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z) ([A-Za-z0-9+/]{86}==)"
)
_SIGNATURE = 88
"""Characters of a whole signature."""


@dataclass(frozen=True, slots=True)
class CheckPoint:
    """One check-point, its signature not yet checked."""

    head: Head
    at: str
    signature: bytes

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is right."""
        try:
            key.verify(self.signature, signed_text(self.head, self.at))
        except InvalidSignature:
            return False
        return True


def signed_text(head: Head, at: str) -> bytes:
    """What is signed: ``ivr audit check-point``, a line's end, ``<seq> <hash> <at>``, a line's
    end."""
    return f"ivr audit check-point\n{head} {at}\n".encode("ascii")


def check_point(line: bytes) -> CheckPoint | None:
    """A line without its end; None where it is none."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    head = Head(int(found[1]), bytes.fromhex(found[2].decode("ascii")))
    signature = b64decode(found[4])
    if b64encode(signature) != found[4]:
        # The last characters can be changed without changing what they stand for.
        return None
    return CheckPoint(head, found[3].decode("ascii"), signature)


def read_check_points(path: Path) -> tuple[list[bytes], bytes]:
    """The lines of a file of check-points, and what a crash left of one that was being written.

    No file is no lines. Raises StoreError.
    """
    try:
        with open_file(path) as file:
            *lines, rest = file.read().split(b"\n")
    except FileNotFoundError:
        return [], b""
    except OSError as error:
        raise unreadable(path, error) from error
    fields = rest.split(b" ")
    if len(fields) > 4 or (len(fields) == 4 and len(fields[3]) >= _SIGNATURE):
        # More than a crash leaves: it is judged as any line.
        return [*lines, rest], b""
    return lines, rest


class Checkpoints:
    """Makes check-points, and copies them elsewhere by a thread of its own.

    A mount of another host may hang for ever, and nothing must wait for it.
    """

    def __init__(
        self,
        folder: Path,
        key: Ed25519PrivateKey,
        clock: WallClock,
        *,
        every: int = 1000,
        copies: Path | None = None,
        disk: Disk = REAL,
    ) -> None:
        """``folder`` is the trail's, ``every`` how many entries from one check-point to the next,
        ``copies`` the folder that they are copied to."""
        self.path = folder / NAME
        self.copy = None if copies is None else copies / NAME
        self.copy_failures = 0
        """How often the copy could not be written."""
        self._key = key
        self._clock = clock
        self._every = every
        self._disk = disk
        self._last: int | None = None
        self._turn = Condition()
        self._thread: Thread | None = None
        self._wanted = 0
        self._done = 0

    def wrote(self, head: Head) -> None:
        """See :class:`ivr.retention.audit.trail.Signer`."""
        try:
            if self._last is None:
                self._last = self._signed_last()
            if head.seq - self._last >= self._every:
                self.sign(head)
        except DiskError as error:
            log.warning("a check-point of the audit trail could not be made", error=str(error))

    def sign(self, head: Head) -> None:
        """See :class:`ivr.retention.audit.trail.Signer`."""
        at = moment(self._clock.wall_ms())
        signature = b64encode(self._key.sign(signed_text(head, at)))
        line = b"%b %b %b\n" % (str(head).encode("ascii"), at.encode("ascii"), signature)
        try:
            self._add(self.path, line)
        except OSError as error:
            raise disk_error("write", self.path, error) from error
        self._last = head.seq
        if self.copy is not None:
            self._copy_soon()

    def wait_for_copy(self, seconds: float) -> bool:
        """Wait until the copy was tried after the last check-point; False where that took longer.

        For a process that ends: what was not copied comes with the next check-point.
        """
        with self._turn:
            wanted = self._wanted
            return self._turn.wait_for(lambda: self._done >= wanted, seconds)

    def _signed_last(self) -> int:
        """The number of the last entry that was signed. Raises DiskError."""
        try:
            with open_file(self.path) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise disk_error("read", self.path, error) from error
        points = [point for point in map(check_point, lines) if point is not None]
        return points[-1].head.seq if points else 0

    def _add(self, path: Path, lines: bytes) -> None:
        """Append whole lines, durably; an unfinished one before them goes. Raises OSError."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = self._disk.open(str(path), flags, 0o640)
        try:
            size = os.fstat(fd).st_size
            whole = size
            if size:
                end = os.pread(fd, 4096, max(0, size - 4096))
                whole = size - len(end) + end.rfind(b"\n") + 1
            if whole < size and size - whole < 4096:
                self._disk.ftruncate(fd, whole)
            write_all(self._disk, fd, lines)
            self._disk.fsync(fd)
        finally:
            self._disk.close(fd)
        if not size:
            sync_folder(self._disk, str(path.parent))

    def _copy_soon(self) -> None:
        with self._turn:
            self._wanted += 1
            if self._thread is None:
                self._thread = Thread(target=self._copying, name="audit copy", daemon=True)
                self._thread.start()
            self._turn.notify_all()

    def _copying(self) -> None:
        """The thread: copy whenever there are new check-points."""
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._done < self._wanted)
                wanted = self._wanted
            self._copy_now()
            with self._turn:
                self._done = wanted
                self._turn.notify_all()

    def _copy_now(self) -> None:
        """Append to the copy what it lacks, so that a failure is made good by the next time."""
        if self.copy is None:
            return
        try:
            with open_file(self.path) as file:
                own = file.read().split(b"\n")[:-1]
            try:
                with open_file(self.copy) as file:
                    there = frozenset(file.read().split(b"\n")[:-1])
            except FileNotFoundError:
                there = frozenset()
            lacking = [line for line in own if line not in there]
            if lacking:
                self._add(self.copy, b"".join(line + b"\n" for line in lacking))
        except OSError as error:
            self.copy_failures += 1
            log.warning(
                "check-points of the audit trail could not be copied",
                file=str(self.copy),
                error=str(error),
            )
