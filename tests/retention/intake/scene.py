"""A spool, an archive, an index and an audit trail, and an intake between them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.keeper import Keeper
from ivr.retention.archive.sealing import Recipients
from ivr.retention.booked import BookedTrail, IndexHead, IndexParticulars, Wall
from ivr.retention.destroyer import Destroyer
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.holds import Holds
from ivr.retention.index.meta import Meta
from ivr.retention.index.numbers import PlainNumbers
from ivr.retention.index.particulars import Particulars
from ivr.retention.index.recordings import Recordings
from ivr.retention.intake.books import Books
from ivr.retention.intake.taking import Intake, IntakeLimits
from ivr.retention.remains import Asides
from ivr.storage.atomic import REAL, Disk
from ivr.storage.places import prepare

NOW_MS = 1_714_600_000_000
TODAY = date(2024, 5, 1)
LONDON = ZoneInfo("Europe/London")
MARKS = {"abuse": "abuse"}


class Scene:
    """All of it, in one folder. :meth:`start` is a start of the service."""

    def __init__(
        self,
        folder: Path,
        *,
        spools: int = 1,
        recipients: Recipients | None = None,
        limits: IntakeLimits | None = None,
        engines: Sequence[Path] = (),
    ) -> None:
        """``engines`` are spools that others have made; they come before its own."""
        self.folder = folder
        own = [prepare(folder / f"spool{n}", 0).root for n in range(spools)]
        self.spools = [*engines, *own]
        self.spool = self.spools[0]
        self.new = self.spool / "new"
        self.state = folder / "state"
        self.state.mkdir(exist_ok=True)
        self.aside = self.state / "aside"
        self.recipients = recipients
        self.limits = limits or IntakeLimits(threads=1)
        self.database = Database.open(f"sqlite:///{self.state}/index.db")
        self.numbers = PlainNumbers()
        self.recordings = Recordings(self.database, self.numbers)
        self.holds = Holds(self.database)
        self.destroying = Destroying(self.database)
        self.destroyed: list[str] = []
        self.intake = self.start()

    def start(self, disk: Disk = REAL) -> Intake:
        """A new process, on the same disk."""
        self.archive = FolderArchive(self.folder / "archive", disk=disk, at_once=1)
        self.trail = BookedTrail(
            self.database,
            self.state / "audit",
            IndexParticulars(Particulars(self.database, self.numbers)),
            IndexHead(Meta(self.database)),
            Wall(lambda: NOW_MS),
            disk=disk,
        )
        asides = Asides([self.aside, *(spool / "aside" for spool in self.spools)], disk)
        self.destroyer = Destroyer(
            self.database, self.recordings, self.destroying, self.archive, self.trail, [asides]
        )
        self.intake = Intake(
            self.spools,
            self.archive,
            Keeper("wav", self.recipients, disk=disk),
            Books(self.database, self.recordings, self.holds),
            self.trail,
            self.aside,
            destroy=self._destroy,
            marks=MARKS,
            zone=LONDON,
            clock=lambda: NOW_MS,
            disk=disk,
            limits=self.limits,
        )
        return self.intake

    def start_again(self) -> Intake:
        """As the service starts: what was being destroyed is finished first."""
        self.start()
        self.destroyer.resume(TODAY)
        return self.intake

    def _destroy(self, calls: Sequence[str]) -> None:
        self.destroyed += calls
        self.destroyer.opted_out(calls, TODAY)

    def close(self) -> None:
        self.intake.close()
        self.database.close()

    # What is where.

    def waiting(self, spool: int = 0) -> list[str]:
        """Names in the spool's ``new/``."""
        return sorted(path.name for path in (self.spools[spool] / "new").iterdir())

    def archived(self) -> dict[str, bytes]:
        """All files of the archive, by ``<day>/<name>``, what is being made included."""
        root = self.folder / "archive"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def set_aside(self) -> list[str]:
        """Names of what was set aside."""
        return sorted(path.name for path in self.aside.iterdir()) if self.aside.is_dir() else []

    def why(self, name: str) -> str:
        return (self.aside / f"{name}.why").read_text()

    def audit(self) -> list[tuple[str, str]]:
        """Action and call of each entry, in order."""
        return [(entry.action, entry.call) for entry in self.trail.read()]

    def counted(self) -> Counter[tuple[str, str]]:
        return Counter(self.audit())

    def bytes_of(self, data: bytes) -> list[Path]:
        """Every file that holds exactly this."""
        digest = hashlib.sha256(data).digest()
        return [
            path
            for path in self.folder.rglob("*")
            if path.is_file()
            and not path.is_symlink()
            and hashlib.sha256(path.read_bytes()).digest() == digest
        ]
