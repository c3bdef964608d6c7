"""Cases, holds and what was destroyed, as the audit trail tells of them (R17)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from sqlalchemy import Connection, delete, func, insert, select

from ivr.retention.audit.line import Logged
from ivr.retention.audit.read import Wanted
from ivr.retention.audit.trail import Trail
from ivr.retention.index.chunks import chunks
from ivr.retention.index.database import Database
from ivr.retention.index.tables import case, case_recording, destroyed, hold

ACTIONS = frozenset(
    {
        "case-open",
        "case-add",
        "case-remove",
        "case-close",
        "case-reopen",
        "hold",
        "release",
        "destroy",
    }
)
"""Entries that say what is in the index."""
DONE = ("granted", "done")
"""Outcomes of what was really done."""
_HOLD = re.compile(r"hold-([1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back."""

    cases: int
    holds: int
    destroyed: int
    doubts: tuple[str, ...] = ()
    """Entries that do not fit those before them, and what was made of them: in doubt, a recording
    is held."""


@dataclass(slots=True)
class _Case:
    kind: str
    opened_ms: int
    opened_by: str
    closed: str | None = None
    calls: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Hold:
    call: str
    kind: str
    placed_ms: int
    placed_by: str
    released: str | None = None


@dataclass(slots=True)
class Retold:
    """What there was when the trail ended."""

    cases: dict[str, _Case] = field(default_factory=dict)
    holds: dict[int, _Hold] = field(default_factory=dict)
    destroyed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Day and rule, by call."""
    last_hold: int = 0
    """The highest number that a hold ever had."""
    doubts: list[str] = field(default_factory=list)


def retold(trail: Trail, zone: tzinfo) -> Retold:
    """What the trail's entries come to, one after the other; days are those of the site's zone.

    Raises StoreError where it cannot be read.
    """
    told = Retold()
    for entry in trail.read(1, Wanted(actions=ACTIONS)):
        if entry.outcome in DONE:
            _take(told, entry, zone)
    return told


def restore(database: Database, told: Retold) -> Restored | None:
    """Put it into the index, all or nothing.

    None where the index has cases or holds: they are
    left as they are, and only what was destroyed is made known. Raises StoreError."""
    with database.writing() as connection:
        gone = _destroyed(connection, told)
        if connection.scalar(select(case.c.ref).limit(1)) is not None:
            return None
        if connection.scalar(select(hold.c.id).limit(1)) is not None:
            return None
        for ref, known in told.cases.items():
            connection.execute(
                insert(case).values(
                    ref=ref,
                    kind=known.kind,
                    opened_ms=known.opened_ms,
                    opened_by=known.opened_by,
                    closed=known.closed,
                )
            )
        belonging = [
            {"ref": ref, "call": call} for ref, c in told.cases.items() for call in c.calls
        ]
        if belonging:
            connection.execute(insert(case_recording), belonging)
        for number, held in told.holds.items():
            connection.execute(
                insert(hold).values(
                    id=number,
                    call=held.call,
                    kind=held.kind,
                    placed_ms=held.placed_ms,
                    placed_by=held.placed_by,
                    released=held.released,
                )
            )
        number_from(connection, told.last_hold)
    return Restored(len(told.cases), len(told.holds), gone, tuple(told.doubts))


def _take(told: Retold, entry: Logged, zone: tzinfo) -> None:
    at = datetime.fromisoformat(entry.at)
    at_ms = round(at.timestamp() * 1000)
    match entry.action:
        case "case-open":
            if entry.case not in told.cases:
                told.cases[entry.case] = _Case(entry.detail, at_ms, entry.person)
        case "hold":
            _hold(told, entry, at_ms)
        case "release":
            held = told.holds.get(number_of(entry))
            if held is None or not is_day(entry.detail):
                told.doubts.append(f"{_named(entry)}: no hold was released")
            else:
                held.released = entry.detail
        case "destroy":
            _end(told, entry.call)
            told.destroyed[entry.call] = (at.astimezone(zone).date().isoformat(), entry.rule)
        case _:
            _change(told, entry, at_ms)


def _change(told: Retold, entry: Logged, at_ms: int) -> None:
    """A change to a case. Of one whose opening is not there a kind is made that no schedule knows:
    it holds until a person has looked."""
    if entry.case not in told.cases:
        told.cases[entry.case] = _Case("unknown", at_ms, entry.person)
        told.doubts.append(f"{_named(entry)}: the case is taken to be open, of an unknown kind")
    known = told.cases[entry.case]
    match entry.action:
        case "case-add":
            known.calls[entry.call] = None
        case "case-remove":
            known.calls.pop(entry.call, None)
        case "case-reopen":
            known.closed = None
        case "case-close" if is_day(entry.detail):
            known.closed = entry.detail
        case "case-close":
            told.doubts.append(f"{_named(entry)}: no day; the case is taken to be open")


def _hold(told: Retold, entry: Logged, at_ms: int) -> None:
    number = number_of(entry)
    known = told.holds.get(number)
    told.last_hold = max(told.last_hold, number)
    if not number:
        told.doubts.append(f"{_named(entry)}: it has no hold's number; nothing is held by it")
    elif known is None or known.call != entry.call:
        # The same number twice: the first was written, and undone before it was in the index.
        told.holds[number] = _Hold(entry.call, entry.detail, at_ms, entry.person)


def _named(entry: Logged) -> str:
    what = " ".join(text for text in (entry.action, entry.case, entry.call, entry.detail) if text)
    return f"entry {entry.seq} of the audit trail ({what})"


def is_day(text: str) -> bool:
    """Whether a text is a day in ISO 8601."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def number_of(entry: Logged) -> int:
    """That of the hold; 0 where the entry names none."""
    found = _HOLD.fullmatch(entry.case)
    return int(found[1]) if found else 0


def _end(told: Retold, call: str) -> None:
    """Nothing names what was destroyed."""
    for known in told.cases.values():
        known.calls.pop(call, None)
    told.holds = {number: held for number, held in told.holds.items() if held.call != call}


def _destroyed(connection: Connection, told: Retold) -> int:
    """Those of which the index did not know."""
    count = 0
    for some in chunks(told.destroyed):
        known = set(connection.scalars(select(destroyed.c.call).where(destroyed.c.call.in_(some))))
        rows = [
            {"call": call, "day": told.destroyed[call][0], "rule": told.destroyed[call][1]}
            for call in some
            if call not in known
        ]
        if rows:
            connection.execute(insert(destroyed), rows)
        count += len(rows)
    return count


def number_from(connection: Connection, last: int) -> None:
    """The next hold has a higher number than any had before."""
    if not last:
        return
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence("hold", "id")
        connection.execute(select(func.setval(sequence, last)))
        return
    # SQLite remembers the highest that there ever was.
    if connection.scalar(select(func.max(hold.c.id))) != last:
        row = {"id": last, "call": "", "kind": "", "placed_ms": 0, "placed_by": ""}
        connection.execute(insert(hold).values(row))
        connection.execute(delete(hold).where(hold.c.id == last))
