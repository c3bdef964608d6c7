"""What the trail asks of the index: particulars, and what was known to be on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ivr.retention.audit.line import NOTHING, Head


class Particular(NamedTuple):
    """The particulars of one entry."""

    salt: str
    """64 hex digits."""
    text: str
    """Canonical JSON."""


class ParticularsStore(Protocol):
    """Keeps what may identify somebody, apart from the trail, until its recording goes (R14)."""

    def put(self, seq: int, call: str, number: str, salt: str, text: str) -> None:
        """Keep them durably, in place of any of the same ``seq``: what is there of an entry that
        was never written is worth nothing. Raises StoreError or DiskError."""

    def get(self, seqs: Sequence[int]) -> Mapping[int, Particular]:
        """Those that are still there, by the number of their entry. Raises StoreError."""


class HeadStore(Protocol):
    """Remembers, outside the trail's folder, the last entry known to be on disk."""

    def get(self) -> Head | None:
        """None where none was ever kept. Raises StoreError."""

    def set(self, head: Head) -> None:
        """Keep it. Raises StoreError or DiskError."""


@dataclass
class MemoryParticulars:
    """Particulars in memory, for tests."""

    kept: dict[int, tuple[str, str, Particular]] = field(default_factory=dict)
    """By the entry's number: call, number, particulars."""

    def put(self, seq: int, call: str, number: str, salt: str, text: str) -> None:
        """See :class:`ParticularsStore`."""
        self.kept[seq] = (call, number, Particular(salt, text))

    def get(self, seqs: Sequence[int]) -> Mapping[int, Particular]:
        """See :class:`ParticularsStore`."""
        return {seq: self.kept[seq][2] for seq in seqs if seq in self.kept}


@dataclass
class MemoryHead:
    """A head in memory, for tests."""

    head: Head | None = NOTHING

    def get(self) -> Head | None:
        """See :class:`HeadStore`."""
        return self.head

    def set(self, head: Head) -> None:
        """See :class:`HeadStore`."""
        self.head = head
