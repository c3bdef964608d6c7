"""Holds: recordings that are kept for themselves, by a mark of the engine or by a person (R11)."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from ivr.errors import UsageError
from ivr.retention.index.claims import day_of, hold_ref, must_be_here
from ivr.retention.index.database import Database
from ivr.retention.index.tables import hold
from ivr.retention.model import Hold

_REF = re.compile(r"hold-([1-9][0-9]{0,17})")


class Holds:
    """All holds, also those that were released. As with :class:`~ivr.retention.index.cases.Cases`
    what changes is durable at once, or with the transaction that is given; every method raises
    StoreError where the database refuses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(
        self, call: str, kind: str, by: str, at_ms: int, within: Connection | None = None
    ) -> Hold:
        """Hold a recording. Where the same one placed a hold of that kind on it, and it was not
        released, it is that.

        Raises UsageError where there is no such recording, or it is destroyed or about to be.
        """
        with self._database.writing(within) as connection:
            must_be_here(connection, (call,), "hold")
            for known in self.of(call, connection):
                if (known.kind, known.placed_by, known.released) == (kind, by, None):
                    return known
            added = (
                insert(hold)
                .values(call=call, kind=kind, placed_ms=at_ms, placed_by=by, released=None)
                .returning(hold.c.id)
            )
            number = connection.execute(added).scalar_one()
            return Hold(hold_ref(number), call, kind, at_ms, by, None)

    def release(self, ref: str, day: date, within: Connection | None = None) -> bool:
        """Release a hold: from that day on the period of its kind runs; whether it was held.

        Raises UsageError where there is no such hold, and where it was released on another day.
        """
        with self._database.writing(within) as connection:
            known = self.get(ref, connection)
            if known is None:
                raise UsageError(f"there is no hold {ref!r}; ivr show CALL shows those of a call")
            if known.released is not None:
                if known.released != day:
                    raise UsageError(f"{ref} was released on {known.released}, not on {day}")
                return False
            connection.execute(
                update(hold).where(hold.c.id == _number(ref)).values(released=day.isoformat())
            )
            return True

    def get(self, ref: str, within: Connection | None = None) -> Hold | None:
        """A hold; None where there is none."""
        number = _number(ref)
        if number is None:
            return None
        with self._database.reading(within) as connection:
            row = connection.execute(select(hold).where(hold.c.id == number)).one_or_none()
        return None if row is None else _hold(row)

    def of(self, call: str, within: Connection | None = None) -> tuple[Hold, ...]:
        """The holds of a recording, in the order in which they were placed."""
        with self._database.reading(within) as connection:
            rows = connection.execute(select(hold).where(hold.c.call == call).order_by(hold.c.id))
            return tuple(_hold(row) for row in rows)

    def listing(
        self, *, held_only: bool = True, most: int = 1000, within: Connection | None = None
    ) -> list[Hold]:
        """Holds, the latest first."""
        wanted = select(hold).order_by(hold.c.id.desc()).limit(most)
        if held_only:
            wanted = wanted.where(hold.c.released.is_(None))
        with self._database.reading(within) as connection:
            return [_hold(row) for row in connection.execute(wanted)]


def is_hold(ref: str) -> bool:
    """Whether a hold may be called so."""
    return _REF.fullmatch(ref) is not None


def _number(ref: str) -> int | None:
    found = _REF.fullmatch(ref)
    return int(found[1]) if found else None


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        hold_ref(row.id), row.call, row.kind, row.placed_ms, row.placed_by, day_of(row.released)
    )
