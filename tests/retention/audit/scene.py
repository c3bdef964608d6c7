"""A real trail of several files with check-points, and the ways to falsify it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ivr.retention.audit.checkpoints import Checkpoints
from ivr.retention.audit.line import NOTHING, Head, chained, line_of, shape
from ivr.retention.audit.report import Report
from ivr.retention.audit.stores import MemoryHead, MemoryParticulars
from ivr.retention.audit.trail import Trail, TrailLimits
from ivr.retention.audit.verify import verify
from ivr.retention.model import Entry
from ivr.storage.atomic import REAL, Disk

LIMITS = TrailLimits(entries=4)


def _unsynced(_fd: int) -> None:
    pass


HASTY: Disk = replace(REAL, fdatasync=_unsynced, fsync=_unsynced)
"""A disk that waits for nothing: for tests of what is read."""


@dataclass
class Fixed:
    """A clock that goes on by a second whenever it is read."""

    now: int = 1_774_746_000_250

    def wall_ms(self) -> int:
        self.now += 1000
        return self.now


@dataclass
class Scene:
    """A trail, written when the scene is made."""

    folder: Path
    entries: int = 18
    every: int = 6
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    particulars: MemoryParticulars = field(default_factory=MemoryParticulars)
    heads: MemoryHead = field(default_factory=MemoryHead)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        trail = self.trail()
        for number in range(1, self.entries + 1):
            secret = {"reason": f"because {number}"} if number % 5 == 0 else None
            call = f"call-{number}"
            trail.append([Entry("listen", "ann", "granted", call, particulars=secret)])

    @property
    def copies(self) -> Path:
        return self.folder / "elsewhere"

    def trail(self) -> Trail:
        self.copies.mkdir(exist_ok=True)
        clock = Fixed()
        signer = Checkpoints(self.folder, self.key, clock, every=self.every)
        return Trail(self.folder, self.particulars, self.heads, clock, signer=signer, limits=LIMITS)

    def verify(self, *, remembered: bool = True) -> Report:
        return verify(
            self.folder,
            head=self.heads.get() if remembered else None,
            key=self.key.public_key(),
            copies=[self.copies / "checkpoints"],
            particulars=self.particulars,
            limits=LIMITS,
        )

    def path(self, first: int) -> Path:
        return self.folder / f"{first:012d}.log"

    def lines(self, first: int) -> list[bytes]:
        return self.path(first).read_bytes().splitlines(keepends=True)

    def put(self, first: int, lines: list[bytes]) -> None:
        self.path(first).write_bytes(b"".join(lines))

    def recompute(self, since: int) -> None:
        """Make the chain fit again from an entry on, to the end, as one would who owns the host."""
        head = NOTHING
        for path in sorted(self.folder.glob("*.log")):
            made = []
            for line in path.read_bytes().splitlines():
                fields = shape(line)
                assert fields is not None
                digest = fields.hash
                if fields.seq >= since:
                    digest = chained(head.hash, fields.seq, fields.text)
                made.append(line_of(fields.seq, digest, fields.text))
                head = Head(fields.seq, digest)
            path.write_bytes(b"".join(made))
        self.heads.head = head


def found(report: Report) -> list[tuple[str, int, int, str]]:
    """The faults: the file's first entry, line, entry, kind."""
    return [
        (fault.place.file.removesuffix(".log").lstrip("0"), fault.place.line, fault.seq, fault.kind)
        for fault in report.faults
    ]
