"""How long verifying the audit trail takes: a million entries in under ten seconds (R17).

Run alone: ``python -m tests.bench.retention_audit [ENTRIES]``.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ivr.retention.audit.checkpoints import Checkpoints
from ivr.retention.audit.stores import MemoryHead, MemoryParticulars
from ivr.retention.audit.trail import RealClock, Trail
from ivr.retention.audit.verify import verify
from ivr.retention.model import Entry

LONGEST_S = 10.0
"""What a million entries may take."""
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class AuditFigures:
    """What was measured."""

    entries: int
    size: int
    """Bytes of the trail."""
    written_s: float
    """In batches of a thousand, each with its sync and its check-point."""
    verified_s: float
    """Of processor time of this one process; on an idle host also of the wall clock."""
    wall_s: float
    grown: int
    """By how many bytes verifying let the process's memory grow at its peak."""
    one_s: float
    """One entry alone, with its sync: seconds."""


def _entry(number: int) -> Entry:
    call = sha256(b"%d" % number).hexdigest()
    call = f"{call[:8]}-{call[8:12]}-4{call[13:16]}-8{call[17:20]}-{call[20:32]}"
    action = ("take-in", "destroy", "listen", "search")[number % 4]
    rule = "general: six months" if action == "destroy" else ""
    return Entry(action, "retention", "done", call=call, rule=rule)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def measure_audit(entries: int, folder: Path) -> AuditFigures:
    """Write a trail with check-points, and verify it. Raises RuntimeError where it is not good."""
    key = Ed25519PrivateKey.generate()
    clock = RealClock()
    heads = MemoryHead()
    signer = Checkpoints(folder, key, clock)
    trail = Trail(folder, MemoryParticulars(), heads, clock, signer=signer)
    begun = time.monotonic()
    for first in range(0, entries, _BATCH):
        trail.append([_entry(number) for number in range(first, min(first + _BATCH, entries))])
    written = time.monotonic()
    for number in range(200):
        trail.append([_entry(number)])
    one = (time.monotonic() - written) / 200
    peak = _peak()
    wall, cpu = time.monotonic(), time.process_time()
    report = verify(folder, head=heads.get(), key=key.public_key())
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    if not report.good or report.entries != entries + 200:
        raise RuntimeError(f"the trail is not good: {report}")
    size = sum(path.stat().st_size for path in folder.glob("*.log"))
    return AuditFigures(entries, size, written - begun, cpu, wall, _peak() - peak, one)


def main() -> int:
    """Measure and tell; 1 where it took too long."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as folder:
        figures = measure_audit(entries, Path(folder))
    print(
        f"{figures.entries:,} entries, {figures.size / 1e6:.0f} MB: written in"
        f" {figures.written_s:.1f} s, verified in {figures.wall_s:.2f} s"
        f" ({figures.verified_s:.2f} s of processor), memory grew by"
        f" {figures.grown / 1e6:.0f} MB; one entry alone {figures.one_s * 1000:.2f} ms"
    )
    return int(figures.verified_s * 1_000_000 / entries >= LONGEST_S)


if __name__ == "__main__":
    sys.exit(main())
