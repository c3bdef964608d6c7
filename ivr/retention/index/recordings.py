"""The recordings of the index: added once, found again, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, true

from ivr.errors import UsageError
from ivr.retention.answers import Group
from ivr.retention.index.chunks import chunks
from ivr.retention.index.database import Database
from ivr.retention.index.numbers import Numbers
from ivr.retention.index.rows import of_rows, row_of, storable
from ivr.retention.index.searching import found_by
from ivr.retention.index.tables import agent, destroyed, dying, mark, recording
from ivr.retention.model import Query, Recording

OPTED_OUT = "opted-out"
"""The rule by which a recording was destroyed whose caller opted out in mid-call: its record comes
after it, and is kept (R4)."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a batch: each call is in one of them."""

    new: tuple[str, ...]
    known: tuple[str, ...]
    """They were there already, and stay as they were."""
    gone: tuple[str, ...]
    """They were destroyed, or are about to be, and are not kept again."""


class Recordings:
    """What the index knows of each recording."""

    def __init__(self, database: Database, numbers: Numbers) -> None:
        self._database = database
        self._numbers = numbers

    def add(
        self,
        batch: Sequence[tuple[Recording, str]],
        *,
        replace: bool = False,
        within: Connection | None = None,
    ) -> Added:
        """Add recordings, each with its customer's number as it came; all of them, durably, or
        none. Adding once more changes nothing.

        ``replace``: what is there of these calls is written anew; cases and holds stay. Raises
        StoreError.
        """
        wanted = {each.call: (each, number) for each, number in batch}
        with self._database.writing(within) as connection:
            here = _having(connection, recording.c.call, wanted)
            going = _having(connection, dying.c.call, wanted)
            gone = _gone(connection, wanted) | going
            known = set() if replace else here - gone
            new = [call for call in wanted if call not in gone | known]
            _delete(connection, here.intersection(new))
            self._insert(connection, [wanted[call] for call in new])
        return Added(
            tuple(new),
            tuple(call for call in wanted if call in known),
            tuple(call for call in wanted if call in gone),
        )

    def get(self, call: str, within: Connection | None = None) -> Recording | None:
        """A recording by its whole id; None where there is none. Raises StoreError."""
        return next(iter(self.several((call,), within)), None)

    def several(
        self, calls: Collection[str], within: Connection | None = None
    ) -> tuple[Recording, ...]:
        """Those of the calls that are there, in their order. Raises StoreError."""
        found: dict[str, Recording] = {}
        with self._database.reading(within) as connection:
            for some in chunks(calls):
                rows = connection.execute(select(recording).where(recording.c.call.in_(some)))
                found |= {each.call: each for each in of_rows(connection, rows.all())}
        return tuple(found[call] for call in dict.fromkeys(calls) if call in found)

    def find(
        self,
        prefix: str,
        teams: frozenset[str] | None = None,
        within: Connection | None = None,
    ) -> Recording:
        """The recording whose id is this, or begins so among those of ``teams`` (None: of all).

        Raises UsageError where none does, or several do, and StoreError."""
        begins = prefix.strip().lower()
        if not begins or set(begins) - set("0123456789abcdef-"):
            raise UsageError(f"{prefix!r} is no id of a call, nor the beginning of one")
        with self._database.reading(within) as connection:
            if len(begins) == 36:
                calls = [begins]
            else:
                calls = list(
                    connection.scalars(
                        select(recording.c.call)
                        .where(
                            recording.c.call >= begins,
                            recording.c.call <= begins + _ENDS,
                            true() if teams is None else recording.c.team.in_(teams),
                        )
                        .limit(6)
                    )
                )
            if len(calls) > 1:
                several = "\n".join(f"  {call}" for call in calls[:5])
                more = "\n  and more" if len(calls) > 5 else ""
                raise UsageError(
                    f"several calls begin with {prefix}; give more of it:\n{several}{more}"
                )
            one = self.get(calls[0], connection) if calls else None
            if one is None:
                raise UsageError(self._none(connection, prefix, calls))
            return one

    def search(self, query: Query, within: Connection | None = None) -> list[Recording]:
        """What fits all that the query says, the latest first.

        Raises UsageError where its number, tail or days cannot be looked for, and StoreError.
        """
        number = self._number(query)
        tail = self._numbers.tail_query(query.tail) if query.tail else ""
        with self._database.reading(within) as connection:
            return list(of_rows(connection, found_by(connection, query, number, tail)))

    def state_of(self, call: str, within: Connection | None = None) -> str:
        """``here``, ``dying``, ``destroyed``, or empty where the call is not known. Raises
        StoreError."""
        with self._database.reading(within) as connection:
            if _having(connection, dying.c.call, (call,)):
                return "dying"
            if _having(connection, recording.c.call, (call,)):
                return "here"
            return "destroyed" if _having(connection, destroyed.c.call, (call,)) else ""

    def count(self, within: Connection | None = None) -> int:
        """How many there are. Raises StoreError."""
        return sum(group.recordings for group in self.groups(within))

    def groups(self, within: Connection | None = None) -> list[Group]:
        """How many there are by team and policy version. Raises StoreError."""
        counted = select(recording.c.team, recording.c.policy, func.count()).group_by(
            recording.c.team, recording.c.policy
        )
        with self._database.reading(within) as connection:
            return [Group(*row) for row in connection.execute(counted)]

    def oldest(self, within: Connection | None = None) -> date | None:
        """The day of the oldest; None where there is none. Raises StoreError."""
        with self._database.reading(within) as connection:
            text = connection.scalar(select(func.min(recording.c.day)))
        return None if text is None else date.fromisoformat(text)

    def _number(self, query: Query) -> str:
        if query.since and query.until and query.since > query.until:
            raise UsageError(f"no day is from {query.since} on and until {query.until}")
        number = self._numbers.whole(query.number) if query.number else ""
        if query.number and not number:
            raise UsageError("what was given as a number has no digits, or too many")
        return number

    def _insert(self, connection: Connection, batch: list[tuple[Recording, str]]) -> None:
        if not batch:
            return
        rows: list[dict[str, Any]] = []
        agents: list[dict[str, Any]] = []
        marks: list[dict[str, Any]] = []
        for each, number in batch:
            rows.append(row_of(each, self._numbers.whole(number), self._numbers.tail(number)))
            common = {
                "call": each.call,
                "day": each.day.isoformat(),
                "ended_ms": each.ended_ms,
                "team": each.team,
            }
            for told, name, values in ((agents, "agent", each.agents), (marks, "mark", each.marks)):
                told.extend(
                    {**common, name: storable(value), "place": place}
                    for place, value in enumerate(values)
                )
        connection.execute(insert(recording), rows)
        if agents:
            connection.execute(insert(agent), agents)
        if marks:
            connection.execute(insert(mark), marks)

    def _none(self, connection: Connection, prefix: str, calls: list[str]) -> str:
        if calls:
            day = connection.scalar(select(destroyed.c.day).where(destroyed.c.call == calls[0]))
            if day is not None:
                return f"{prefix}: the recording was destroyed on {day}"
        return f"there is no recording {prefix}; look for it: ivr search"


_ENDS = "g"
"""What begins with a text comes before the text with this, in any order of characters."""


def _having(connection: Connection, column: Any, calls: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for some in chunks(tuple(calls)):
        found.update(connection.scalars(select(column).where(column.in_(some))))
    return found


def _gone(connection: Connection, wanted: dict[str, tuple[Recording, str]]) -> set[str]:
    """Those that were destroyed before. The record of one whose caller opted out is not."""
    found: set[str] = set()
    for some in chunks(wanted):
        rows = select(destroyed.c.call, destroyed.c.rule).where(destroyed.c.call.in_(some))
        for call, rule in connection.execute(rows):
            if rule != OPTED_OUT or wanted[call][0].state != "destroyed":
                found.add(call)
    return found


def _delete(connection: Connection, calls: set[str]) -> None:
    for some in chunks(calls):
        for table in (recording, agent, mark):
            connection.execute(delete(table).where(table.c.call.in_(some)))
