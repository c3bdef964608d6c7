"""Cases, and the recordings that belong to them (R13)."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, delete, distinct, func, insert, select, union, update

from ivr.core.retention import Claim
from ivr.errors import UsageError
from ivr.retention.index.chunks import chunks
from ivr.retention.index.claims import claims_on, day_of, must_be_here
from ivr.retention.index.database import Database
from ivr.retention.index.tables import case, case_recording, hold
from ivr.retention.model import Case

REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
"""What the reference of a case looks like."""


class Cases:
    """All cases, open and closed. What changes is durable when the method returns, or with the
    transaction that is given; every method raises StoreError where the database refuses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(
        self, ref: str, kind: str, by: str, at_ms: int, within: Connection | None = None
    ) -> bool:
        """Open a case; whether it is new. Opening one that is open under the same kind changes
        nothing.

        Raises UsageError where the reference is none, where it is open under another kind, and
        where it was closed.
        """
        if not REF.fullmatch(ref):
            raise UsageError(
                f"{ref!r} cannot be a case's reference: expected up to 64 letters, digits and"
                " . _ / - that begin with a letter or a digit"
            )
        if re.fullmatch(r"hold-[0-9]+", ref):
            raise UsageError(f"{ref}: so are holds called, expected another reference")
        with self._database.writing(within) as connection:
            known = self.get(ref, connection)
            if known is not None:
                if known.closed is not None:
                    raise UsageError(f"case {ref} was closed on {known.closed}; reopen it")
                if known.kind != kind:
                    raise UsageError(
                        f"case {ref} is open already, as {known.kind!r} and not {kind!r}"
                    )
                return False
            connection.execute(
                insert(case).values(ref=ref, kind=kind, opened_ms=at_ms, opened_by=by, closed=None)
            )
            return True

    def add(
        self, ref: str, calls: Collection[str], within: Connection | None = None
    ) -> tuple[str, ...]:
        """Have recordings belong to a case, open or closed; those that did not before.

        Raises UsageError where there is no such case, and where one of the calls is not there,
        was destroyed or is about to be: none is added then.
        """
        with self._database.writing(within) as connection:
            self._known(ref, connection)
            must_be_here(connection, calls, f"case {ref}")
            before = set(self._calls(ref, connection))
            new = tuple(call for call in dict.fromkeys(calls) if call not in before)
            if new:
                connection.execute(
                    insert(case_recording), [{"ref": ref, "call": call} for call in new]
                )
            return new

    def remove(
        self, ref: str, calls: Collection[str], within: Connection | None = None
    ) -> tuple[str, ...]:
        """Have recordings no longer belong to a case; those that did. Raises UsageError where
        there is no such case."""
        with self._database.writing(within) as connection:
            self._known(ref, connection)
            before = set(self._calls(ref, connection))
            gone = tuple(call for call in dict.fromkeys(calls) if call in before)
            for some in chunks(gone):
                connection.execute(
                    delete(case_recording).where(
                        case_recording.c.ref == ref, case_recording.c.call.in_(some)
                    )
                )
            return gone

    def close(self, ref: str, day: date, within: Connection | None = None) -> bool:
        """Close a case on a day: from then on the period of its kind runs; whether it was open.

        Raises UsageError where there is no such case, and where it was closed on another day.
        """
        with self._database.writing(within) as connection:
            known = self._known(ref, connection)
            if known.closed is not None and known.closed != day:
                raise UsageError(
                    f"case {ref} was closed on {known.closed}, not on {day};"
                    " reopen it before it is closed again"
                )
            self._close(ref, day, connection)
            return known.closed is None

    def reopen(self, ref: str, within: Connection | None = None) -> bool:
        """Have a closed case be open again; whether it was closed. Raises UsageError where there
        is no such case."""
        with self._database.writing(within) as connection:
            known = self._known(ref, connection)
            self._close(ref, None, connection)
            return known.closed is not None

    def get(self, ref: str, within: Connection | None = None) -> Case | None:
        """A case with its recordings; None where there is none."""
        with self._database.reading(within) as connection:
            row = connection.execute(select(case).where(case.c.ref == ref)).one_or_none()
            return None if row is None else self._case(row, connection)

    def listing(
        self,
        *,
        kind: str = "",
        open_only: bool = False,
        most: int = 1000,
        within: Connection | None = None,
    ) -> list[Case]:
        """Cases with their recordings, those that were opened last first."""
        wanted = select(case).order_by(case.c.opened_ms.desc(), case.c.ref).limit(most)
        if kind:
            wanted = wanted.where(case.c.kind == kind)
        if open_only:
            wanted = wanted.where(case.c.closed.is_(None))
        with self._database.reading(within) as connection:
            return [self._case(row, connection) for row in connection.execute(wanted).all()]

    def claims(
        self, calls: Collection[str], within: Connection | None = None
    ) -> dict[str, list[Claim]]:
        """What cases and holds name each of the calls, open and closed; a call that none names is
        not among them."""
        with self._database.reading(within) as connection:
            return claims_on(connection, calls)

    def open_naming(self, call: str, within: Connection | None = None) -> tuple[Case, ...]:
        """The open cases that a recording belongs to, by reference."""
        wanted = (
            select(case)
            .join_from(case_recording, case, case.c.ref == case_recording.c.ref)
            .where(case_recording.c.call == call, case.c.closed.is_(None))
            .order_by(case.c.ref)
        )
        with self._database.reading(within) as connection:
            return tuple(self._case(row, connection) for row in connection.execute(wanted).all())

    def held(self, within: Connection | None = None) -> int:
        """How many recordings an open case or hold keeps, whatever their age."""
        by_cases = (
            select(case_recording.c.call)
            .join_from(case, case_recording, case.c.ref == case_recording.c.ref)
            .where(case.c.closed.is_(None))
        )
        both = union(by_cases, select(hold.c.call).where(hold.c.released.is_(None))).subquery()
        with self._database.reading(within) as connection:
            return connection.scalar(select(func.count(distinct(both.c.call)))) or 0

    def _known(self, ref: str, connection: Connection) -> Case:
        known = self.get(ref, connection)
        if known is None:
            raise UsageError(f"there is no case {ref!r}; see which there are: ivr case ls")
        return known

    def _close(self, ref: str, day: date | None, connection: Connection) -> None:
        closed = None if day is None else day.isoformat()
        connection.execute(update(case).where(case.c.ref == ref).values(closed=closed))

    def _calls(self, ref: str, connection: Connection) -> tuple[str, ...]:
        wanted = select(case_recording.c.call).where(case_recording.c.ref == ref)
        return tuple(connection.scalars(wanted.order_by(case_recording.c.call)))

    def _case(self, row: Row[Any], connection: Connection) -> Case:
        return Case(
            row.ref,
            row.kind,
            row.opened_ms,
            row.opened_by,
            day_of(row.closed),
            self._calls(row.ref, connection),
        )
