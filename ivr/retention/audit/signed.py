"""What vouches for the trail from outside: check-points, and what the index remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ivr.retention.audit.checkpoints import CheckPoint, check_point, read_check_points
from ivr.retention.audit.line import Head
from ivr.retention.audit.report import Findings, Kind, Place

_AFTER_ALL = 1 << 30
"""Check-points come after the files of the trail."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """An entry that is vouched for."""

    head: Head
    by: str
    """By what, for a sentence."""
    signed: bool


def gather(
    own: Path, copies: Sequence[Path], key: Ed25519PublicKey | None, findings: Findings
) -> list[Vouched]:
    """The check-points of all the files, each once; what is wrong with them is told.

    Without a key their signatures are not checked. Raises StoreError.
    """
    points: dict[CheckPoint, None] = {}
    for number, path in enumerate((own, *copies)):
        lines, _torn = read_check_points(path)
        for line_number, line in enumerate(lines, 1):
            name = path.name if path == own else str(path)
            place = Place(_AFTER_ALL + number, name, line_number)
            point = check_point(line)
            if point is None:
                findings.add(place, 0, Kind.CHECKPOINT, "a line that is no check-point")
            elif key is not None and not point.is_signed_by(key):
                text = f"the check-point of entry {point.head.seq} is not signed by the key"
                findings.add(place, point.head.seq, Kind.CHECKPOINT, text)
            else:
                if path != own and point not in points:
                    text = f"the check-point of entry {point.head.seq} is not in the trail's folder"
                    findings.add(place, point.head.seq, Kind.CHECKPOINT, text)
                points[point] = None
    return [Vouched(point.head, f"the check-point of {point.at}", True) for point in points]


def compare(
    vouched: Sequence[Vouched],
    seen: Mapping[int, tuple[bytes, Place]],
    head: Head,
    end: Place,
    findings: Findings,
) -> int:
    """Compare what is vouched for with what was ``seen``; hands back how many check-points fit.

    ``head`` is the last entry that is there, at ``end``. What lies in a gap is not compared: the
    gap was told of.
    """
    fit = 0
    right = 0
    wrong = False
    for each in sorted(vouched, key=_seq):
        seq = each.head.seq
        if seq == 0 or seq > head.seq or seq not in seen:
            continue
        digest, place = seen[seq]
        if digest == each.head.hash:
            fit, wrong = seq, False
            right += each.signed
        elif not wrong:
            wrong = True
            text = f"entry {seq} has another hash than {each.by} has: an entry after {fit}, up to"
            text += f" {seq}, was changed and the chain computed again"
            findings.add(place, seq, Kind.REWRITTEN, text)
    last = max(vouched, key=_seq, default=None)
    if last is not None and last.head.seq > head.seq:
        text = f"the trail ends with entry {head.seq}, and {last.by} has entry {last.head.seq}"
        findings.add(end, head.seq + 1, Kind.TRUNCATED, text)
    return right


def _seq(each: Vouched) -> int:
    return each.head.seq
