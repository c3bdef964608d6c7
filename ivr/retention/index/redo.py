"""What the audit trail tells of and the index has not got is put into it (R13, R17).

Two things make an index lag behind the trail. A process was killed after an entry was on disk and
before the transaction that it belongs to was: that is at most what one person did just then. Or
the index was put back from a backup: then it lacks all that was done since, cases above all, and by
such an index recordings would be destroyed that a case holds. In both the trail is right, for it
can only be written onwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, delete, func, insert, select, update

from ivr.retention.audit.line import Logged
from ivr.retention.index import retold
from ivr.retention.index.tables import case, case_recording, destroyed, dying, hold, recording

TAKE_IN = "take-in"
ACTIONS = retold.ACTIONS | {TAKE_IN}
"""Entries that say what is in the index."""
_UNKNOWN = "unknown"
"""A kind that no schedule knows: what belongs to such a case is held."""


def redo(connection: Connection, entries: Iterable[Logged]) -> tuple[list[str], dict[str, str]]:
    """Put what entries tell of cases and holds into the index; what it has already is left alone.

    Hands back the calls that were taken in and that it knows nothing of, and those that were
    destroyed and that it still has, each with the rule: in both the index alone is wrong.
    """
    lacking: dict[str, None] = {}
    ghosts: dict[str, str] = {}
    for entry in entries:
        if entry.outcome not in retold.DONE:
            continue
        if entry.action == TAKE_IN:
            if entry.call in ghosts or not _knows(connection, entry.call):
                lacking[entry.call] = None
        elif entry.action == "destroy":
            lacking.pop(entry.call, None)
            if _is_alive(connection, entry.call):
                ghosts[entry.call] = entry.rule
        elif entry.action in ("hold", "release"):
            _hold(connection, entry)
        else:
            _case(connection, entry)
    return list(lacking), ghosts


def _case(connection: Connection, entry: Logged) -> None:
    ref = entry.case
    if connection.scalar(select(case.c.ref).where(case.c.ref == ref)) is None:
        connection.execute(
            insert(case).values(
                ref=ref,
                kind=entry.detail if entry.action == "case-open" else _UNKNOWN,
                opened_ms=_ms(entry),
                opened_by=entry.who,
                closed=None,
            )
        )
    named = (case_recording.c.ref == ref) & (case_recording.c.call == entry.call)
    match entry.action:
        case "case-add":
            there = connection.scalar(select(case_recording.c.ref).where(named)) is not None
            if not there and not _is_gone(connection, entry.call):
                connection.execute(insert(case_recording).values(ref=ref, call=entry.call))
        case "case-remove":
            connection.execute(delete(case_recording).where(named))
        case "case-close" if retold.is_day(entry.detail):
            _close(connection, ref, entry.detail)
        case "case-reopen":
            _close(connection, ref, None)


def _close(connection: Connection, ref: str, day: str | None) -> None:
    connection.execute(update(case).where(case.c.ref == ref).values(closed=day))


def _hold(connection: Connection, entry: Logged) -> None:
    number = retold.number_of(entry)
    one = (hold.c.id == number) & (hold.c.call == entry.call)
    if entry.action == "release":
        if retold.is_day(entry.detail):
            connection.execute(update(hold).where(one).values(released=entry.detail))
        return
    if _is_gone(connection, entry.call):
        return
    if connection.scalar(select(hold.c.id).where(one)) is not None:
        return
    values = {
        "call": entry.call,
        "kind": entry.detail,
        "placed_ms": _ms(entry),
        "placed_by": entry.who,
        "released": None,
    }
    if number and connection.scalar(select(hold.c.id).where(hold.c.id == number)) is None:
        highest = max(number, connection.scalar(select(func.max(hold.c.id))) or 0)
        connection.execute(insert(hold).values(id=number, **values))
        retold.number_from(connection, highest)
    else:
        # Its number is another's here: it holds under one of its own until a person looks.
        connection.execute(insert(hold).values(**values))


def _ms(entry: Logged) -> int:
    return round(datetime.fromisoformat(entry.at).timestamp() * 1000)


def _is_alive(connection: Connection, call: str) -> bool:
    """Whether the index has it, and nobody has decided that it goes."""
    here = _is_in(connection, recording.c.call, call)
    return here and not _is_in(connection, dying.c.call, call)


def _is_gone(connection: Connection, call: str) -> bool:
    return _is_in(connection, dying.c.call, call) or _is_in(connection, destroyed.c.call, call)


def _knows(connection: Connection, call: str) -> bool:
    return _is_in(connection, recording.c.call, call) or _is_gone(connection, call)


def _is_in(connection: Connection, column: Column[str], call: str) -> bool:
    return connection.scalar(select(column).where(column == call)) is not None
