"""What destruction removes of mails, also where no mail is set up (any more) (R14)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ivr.retention.index.database import Database
from ivr.retention.outgoing.files import Files
from ivr.retention.outgoing.rows import Rows
from ivr.storage.atomic import REAL, Disk


class MailRemains:
    """Mails that wait with a copy of a recording, their rows and their files."""

    def __init__(self, database: Database, folder: Path, disk: Disk = REAL) -> None:
        self._rows = Rows(database)
        self._folder = folder
        self._disk = disk

    def remove(self, calls: Sequence[str]) -> None:
        """See :class:`ivr.retention.destroyer.Remains`. The rows go first: what has none is
        not sent any more."""
        self._rows.remove(calls)
        if self._folder.is_dir():
            Files(self._folder, self._disk).remove_of(calls)
