"""A spool to try things on."""

from __future__ import annotations

import json
import os
from datetime import UTC
from pathlib import Path

from gevent.event import Event

from ivr.core.entries import Stamped
from ivr.errors import DiskError
from ivr.storage.filing import Filed, Maker
from ivr.storage.journal import Journal, JournalLimits
from ivr.storage.spool import Spool, SpoolLimits
from tests.storage.parts import StillClock, Trace, wait, whole_call

MAKER = Maker("host-1", "0.1.0", UTC)
LIMITS = SpoolLimits(batch=3, least_free_bytes=0)


class Bench:
    """A spool with its journal, its clock and a traced disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = StillClock()
        self.trace = Trace()
        self.refused: list[tuple[str, DiskError]] = []
        self.filed: list[Filed] = []
        self.places = Spool.prepare(root, LIMITS)
        self.journal = Journal(self.places.journal, self.clock, JournalLimits(gather_ms=0))
        self.spool = Spool(
            root,
            self.journal,
            self.clock,
            MAKER,
            LIMITS,
            self.trace.disk(),
            lambda call, error: self.refused.append((call, error)),
        )

    def record_audio(self, call: str, data: bytes) -> Path:
        path = Path(self.spool.recording_path(call))
        path.write_bytes(data)
        return path

    def finish(self, *calls: str, entries: tuple[Stamped, ...] | None = None) -> None:
        """Finish these calls in one batch and wait for their records."""
        done = Event()
        count = len(self.filed) + len(calls)

        def filed(one: Filed) -> None:
            self.filed.append(one)
            if len(self.filed) == count:
                done.set()

        for call in calls:
            self.spool.finish(call, whole_call() if entries is None else entries, filed)
        self.clock.turn(LIMITS.gather_ms)
        wait(done)
        assert self.journal.flush()

    def record(self, call: str) -> dict[str, object]:
        return dict(json.loads((self.root / f"new/{call}.json").read_bytes()))

    def names(self, folder: str) -> list[str]:
        return sorted(os.listdir(self.root / folder))
