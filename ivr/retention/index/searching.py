"""How the index is searched: by the index of the database that leaves the fewest rows, and by
nothing that a row more or less in its statistics could change.

The condition that is likely to leave the fewest is looked up; the others are made unfit for an
index (``x || ''``), so that no planner thinks that it knows better.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, select

from ivr.retention.index.tables import agent, case_recording, mark, recording
from ivr.retention.model import Query

_TAILS_END = "9" * 32
"""What tails with the same beginning come before, in any order of characters."""


def found_by(connection: Connection, query: Query, number: str, tail: str) -> Sequence[Row[Any]]:
    """The rows that fit, the latest first. Number and tail are as they stand in the index."""
    teams = _teams(query)
    if teams is not None and not teams:
        return []
    by = _driver(query, number, tail)
    if by is None and teams is not None:
        # Each team's latest by its own index, and of those the latest.
        each = [_run(connection, query, number, tail, "team", {team}) for team in sorted(teams)]
        merged = heapq.merge(*each, key=lambda row: (row.day, row.ended_ms, row.call), reverse=True)
        return [row for row, _ in zip(merged, range(query.most), strict=False)]
    return _run(connection, query, number, tail, by or "day", teams)


def statement(
    query: Query, number: str, tail: str, by: str, teams: frozenset[str] | set[str] | None
) -> Select[Any]:
    """What is asked of the database; ``by`` is what is looked up."""
    source: Any = recording
    ordered: Any = recording
    where: list[ColumnElement[bool]] = []
    if by in ("agent", "mark"):
        table = agent if by == "agent" else mark
        value = query.agent if by == "agent" else query.mark
        source = table.join(recording, recording.c.call == table.c.call)
        ordered = table
        where.append(table.c[by] == value)
    elif by == "case":
        source = case_recording.join(recording, recording.c.call == case_recording.c.call)
        where.append(case_recording.c.ref == query.case)
    if number:
        where.append(_column(recording.c.number, by == "number") == number)
    if tail:
        column = _column(recording.c.tail, by == "tail")
        where.append(and_(column >= tail, column <= tail + _TAILS_END))
    if teams is not None:
        column = _column(ordered.c.team, by == "team")
        where.append(column == next(iter(teams)) if len(teams) == 1 else column.in_(teams))
    where += [
        exists().where(table.c.call == recording.c.call, _column(table.c[name], False) == value)
        for table, name, value in (
            (agent, "agent", query.agent),
            (mark, "mark", query.mark),
            (case_recording, "ref", query.case),
        )
        if value and by != {"ref": "case"}.get(name, name)
    ]
    day = _column(ordered.c.day, by in ("agent", "mark", "team", "day"))
    if query.since:
        where.append(day >= query.since.isoformat())
    if query.until:
        where.append(day <= query.until.isoformat())
    return (
        select(recording)
        .select_from(source)
        .where(*where)
        .order_by(day.desc(), ordered.c.ended_ms.desc())
        .limit(query.most)
    )


def _run(
    connection: Connection,
    query: Query,
    number: str,
    tail: str,
    by: str,
    teams: frozenset[str] | set[str] | None,
) -> Sequence[Row[Any]]:
    return connection.execute(statement(query, number, tail, by, teams)).all()


def _driver(query: Query, number: str, tail: str) -> str | None:
    """What leaves the fewest rows, of what the query says; None where that is teams or days."""
    told = (
        ("number", number),
        ("case", query.case),
        ("tail", tail),
        ("mark", query.mark),
        ("agent", query.agent),
    )
    return next((name for name, value in told if value), None)


def _teams(query: Query) -> frozenset[str] | None:
    if not query.team:
        return query.teams
    if query.teams is not None and query.team not in query.teams:
        return frozenset()
    return frozenset((query.team,))


def _column(column: Any, looked_up: bool) -> Any:
    return column if looked_up else column.concat("")
