"""Whether particulars are those whose hash stands in the trail."""

from __future__ import annotations

from ivr.retention.audit.line import logged, seal
from ivr.retention.audit.report import Findings, Kind, Place
from ivr.retention.audit.stores import ParticularsStore

_BATCH = 500


class Sealed:
    """Compares entries with their particulars, some hundred at a time."""

    def __init__(self, store: ParticularsStore | None, findings: Findings) -> None:
        """Without a store nothing is compared."""
        self.checked = 0
        self.gone = 0
        self._store = store
        self._findings = findings
        self._waiting: list[tuple[int, str, Place]] = []

    def take(self, line: bytes, place: Place) -> None:
        """A line with a sealed entry. Raises StoreError."""
        entry = None if self._store is None else logged(line)
        if entry is not None and entry.sealed:
            self._waiting.append((entry.seq, entry.sealed, place))
            if len(self._waiting) >= _BATCH:
                self.finish()

    def finish(self) -> None:
        """Compare those that wait. Raises StoreError."""
        waiting, self._waiting = self._waiting, []
        if self._store is None or not waiting:
            return
        there = self._store.get([seq for seq, _sealed, _place in waiting])
        for seq, sealed, place in waiting:
            particular = there.get(seq)
            if particular is None:
                self.gone += 1
            elif _fits(particular.salt, particular.text, sealed):
                self.checked += 1
            else:
                text = f"the particulars of entry {seq} are not those that were written"
                self._findings.add(place, seq, Kind.PARTICULARS, text)


def _fits(salt: str, text: str, sealed: str) -> bool:
    try:
        return seal(salt, text) == sealed
    except ValueError:
        return False
