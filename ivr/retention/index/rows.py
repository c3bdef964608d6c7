"""Recordings as rows of the index, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, select

from ivr.retention.index.chunks import chunks
from ivr.retention.index.tables import agent, mark
from ivr.retention.model import Format, Part, Recording, State


def row_of(each: Recording, number: str, tail: str) -> dict[str, Any]:
    """The row of a recording; number and tail as they are to stand there."""
    return {
        "call": each.call,
        "day": each.day.isoformat(),
        "ended_ms": each.ended_ms,
        "team": each.team,
        "route": each.route,
        "direction": each.direction,
        "policy": each.policy,
        "state": each.state,
        "ended": storable(each.ended),
        "duration_ms": each.duration_ms,
        "record_name": each.record_name,
        "record_sha256": each.record_sha256,
        "format": each.format,
        "sealed": each.sealed,
        "parts": "\n".join(f"{part.name} {part.size} {part.sha256}" for part in each.parts),
        "number": number,
        "tail": tail,
    }


def storable(text: str) -> str:
    """The text as every database takes it: without NUL and lone surrogates (R23)."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def of_rows(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[Recording]:
    """The recordings of rows, in their order."""
    calls = [row.call for row in rows]
    agents = _listed(connection, agent, calls)
    marks = _listed(connection, mark, calls)
    for row in rows:
        yield Recording(
            call=row.call,
            day=date.fromisoformat(row.day),
            ended_ms=row.ended_ms,
            team=row.team,
            route=row.route,
            direction=row.direction,
            policy=row.policy,
            state=cast(State, row.state),
            ended=row.ended,
            duration_ms=row.duration_ms,
            record_name=row.record_name,
            record_sha256=row.record_sha256,
            format=cast(Format, row.format),
            sealed=row.sealed,
            parts=tuple(_part(line) for line in row.parts.splitlines()),
            marks=tuple(marks.get(row.call, ())),
            agents=tuple(agents.get(row.call, ())),
        )


def _part(line: str) -> Part:
    name, size, sha256 = line.rsplit(" ", 2)
    return Part(name, int(size), sha256)


def _listed(connection: Connection, table: Table, calls: list[str]) -> dict[str, list[str]]:
    """What the table lists of each call, in order; its column is named as it is."""
    found: dict[str, list[str]] = {}
    for some in chunks(calls):
        rows = (
            select(table.c.call, table.c[table.name])
            .where(table.c.call.in_(some))
            .order_by(table.c.call, table.c.place)
        )
        for call, value in connection.execute(rows):
            found.setdefault(call, []).append(value)
    return found
