"""The particulars of audit entries: what may identify somebody, apart from the trail, so that it
can go when the recording goes (R14, R17)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from ivr.retention.index.chunks import chunks
from ivr.retention.index.database import Database
from ivr.retention.index.numbers import Numbers
from ivr.retention.index.tables import particular


@dataclass(frozen=True, slots=True)
class Particular:
    """What one entry of the audit trail was about."""

    seq: int
    """The entry's number."""
    call: str
    """The recording with which it goes; empty where it concerns none."""
    salt: str
    """Hashed with the text: without it nobody can try which text it was."""
    text: str
    number: str = ""
    """The number that it concerns, as it came; empty where it concerns none. It is kept as numbers
    are kept in the index."""


class Particulars:
    """By the number of their entry. :meth:`Destroying.finish` deletes those of a call."""

    def __init__(self, database: Database, numbers: Numbers) -> None:
        self._database = database
        self._numbers = numbers

    def put(self, batch: Sequence[Particular], within: Connection | None = None) -> None:
        """Keep them, durably, in place of any of the same entries: those are of entries that were
        never written. Raises StoreError."""
        rows = {
            each.seq: {
                "seq": each.seq,
                "call": each.call,
                "number": self._numbers.whole(each.number) if each.number else "",
                "salt": each.salt,
                "text": each.text,
            }
            for each in batch
        }
        if not rows:
            return
        with self._database.writing(within) as connection:
            for some in chunks(rows):
                connection.execute(delete(particular).where(particular.c.seq.in_(some)))
            connection.execute(insert(particular), list(rows.values()))

    def get(self, seqs: Collection[int], within: Connection | None = None) -> dict[int, Particular]:
        """Those that are there, by the number of their entry. Their number is as it is kept.
        Raises StoreError."""
        found: dict[int, Particular] = {}
        with self._database.reading(within) as connection:
            for some in chunks(seqs):
                rows = connection.execute(select(particular).where(particular.c.seq.in_(some)))
                for row in rows:
                    found[row.seq] = Particular(row.seq, row.call, row.salt, row.text, row.number)
        return found
