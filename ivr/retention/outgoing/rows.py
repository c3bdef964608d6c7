"""The rows of the queue in the index. Every method raises StoreError where the database refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from ivr.retention.index.database import Database
from ivr.retention.index.tables import destroyed, dying, outgoing
from ivr.retention.outgoing.model import MailState, Outgoing

_MANY = 500


class Rows:
    """Each method is one transaction, or part of the one that its thread is in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, mail: Outgoing) -> bool:
        """A new one; False where its recording is destroyed, or about to be."""
        with self._database.writing() as connection:
            for table in (dying, destroyed):
                if connection.execute(
                    select(table.c.call).where(table.c.call == mail.call)
                ).first():
                    return False
            connection.execute(insert(outgoing).values(**_values(mail)))
            return True

    def get(self, mail: str) -> Outgoing | None:
        """One of them."""
        with self._database.reading() as connection:
            found = connection.execute(select(outgoing).where(outgoing.c.id == mail)).mappings()
            row = found.first()
        return _mail(row) if row else None

    def listing(self, call: str = "", state: MailState | None = None) -> list[Outgoing]:
        """All, or those with a copy of this call, or in this state; the latest first."""
        wanted = select(outgoing).order_by(outgoing.c.queued_ms.desc(), outgoing.c.id)
        if call:
            wanted = wanted.where(outgoing.c.call == call)
        if state:
            wanted = wanted.where(outgoing.c.state == state)
        with self._database.reading() as connection:
            return [_mail(row) for row in connection.execute(wanted).mappings()]

    def due(self, now_ms: int, latest_ms: int) -> Outgoing | None:
        """The one to try next; also one whose time lies behind ``latest_ms``, for then the clock
        went back."""
        late = (outgoing.c.next_ms <= now_ms) | (outgoing.c.next_ms > latest_ms)
        wanted = select(outgoing).where(outgoing.c.state == "waiting", late)
        with self._database.reading() as connection:
            row = (
                connection.execute(wanted.order_by(outgoing.c.next_ms).limit(1)).mappings().first()
            )
        return _mail(row) if row else None

    def change(self, before: Outgoing, **values: Any) -> Outgoing | None:
        """Change one that still is in the state in which it was seen; what it is now, None where it
        is not, because its recording was destroyed."""
        wanted = (outgoing.c.id == before.id) & (outgoing.c.state == before.state)
        with self._database.writing() as connection:
            changed = connection.execute(update(outgoing).where(wanted).values(**values))
            return replace(before, **_named(values)) if changed.rowcount else None

    def remove(self, calls: Sequence[str]) -> int:
        """All with copies of these calls go, in whatever state; how many had not ended."""
        with self._database.writing() as connection:
            return sum(_remove(connection, some) for some in _some(calls))

    def files(self) -> frozenset[str]:
        """Of all that may still be sent."""
        with self._database.reading() as connection:
            return frozenset(connection.scalars(select(outgoing.c.file))) - {""}

    def counts(self) -> tuple[dict[MailState, int], int]:
        """How many in each state, and since when the oldest waits; 0 where none does."""
        states = select(outgoing.c.state, func.count()).group_by(outgoing.c.state)
        oldest = select(func.min(outgoing.c.queued_ms)).where(outgoing.c.state == "waiting")
        with self._database.reading() as connection:
            found = {cast("MailState", state): count for state, count in connection.execute(states)}
            return found, connection.scalar(oldest) or 0

    def next_ms(self) -> int | None:
        """When the next one is due; None where none waits."""
        wanted = select(func.min(outgoing.c.next_ms)).where(outgoing.c.state == "waiting")
        with self._database.reading() as connection:
            due: int | None = connection.scalar(wanted)
            return due


def _remove(connection: Connection, calls: Sequence[str]) -> int:
    named = outgoing.c.call.in_(calls)
    unended = named & outgoing.c.state.in_(("waiting", "sending", "unknown"))
    count = connection.scalar(select(func.count()).select_from(outgoing).where(unended))
    connection.execute(delete(outgoing).where(named))
    return count or 0


def _some(calls: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(calls), _MANY):
        yield calls[at : at + _MANY]


_COLUMNS = {"who": "sender"}


def _values(mail: Outgoing) -> dict[str, Any]:
    return {
        _COLUMNS.get(name, name): getattr(mail, name)
        for name in Outgoing.__slots__  # every field is a column
    }


def _named(values: dict[str, Any]) -> dict[str, Any]:
    names = {column: name for name, column in _COLUMNS.items()}
    return {names.get(column, column): value for column, value in values.items()}


def _mail(row: RowMapping) -> Outgoing:
    return Outgoing(**{name: row[_COLUMNS.get(name, name)] for name in Outgoing.__slots__})
