"""What the intake asks of the index and writes into it: one look and one transaction a batch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, select

from ivr.errors import StoreError
from ivr.retention.index.chunks import chunks
from ivr.retention.index.database import Database
from ivr.retention.index.holds import Holds
from ivr.retention.index.meta import Meta
from ivr.retention.index.recordings import Recordings
from ivr.retention.index.tables import destroyed, dying
from ivr.retention.intake.judging import Known
from ivr.retention.model import Recording

ENGINE = "engine"
"""Who places holds by marks."""
Told = tuple[str, str]
"""The action and the call of an entry of the audit trail."""
_EMPTY = ("none", "lost")


class Placed(NamedTuple):
    """A hold that a mark has placed."""

    ref: str
    call: str
    kind: str


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of a batch."""

    holds: tuple[Placed, ...]
    gone: frozenset[str]
    """Calls that were destroyed, or are about to be: they are not entered."""
    there: frozenset[str]
    """Calls that somebody else has entered meanwhile: they are not entered."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the batch that was entered last owes the audit trail; see :mod:`.taking`."""

    after: int = 0
    """The last entry of the trail before it."""
    calls: tuple[str, ...] = ()
    """Those that were entered."""
    holds: tuple[Placed, ...] = ()
    """What their marks have placed."""
    told: frozenset[Told] = field(default_factory=frozenset)
    """What the trail had before of records that were still in a spool."""


class Books:
    """The index, as the intake sees it."""

    def __init__(
        self, database: Database, recordings: Recordings, holds: Holds, key: str = "taking"
    ) -> None:
        """``key`` is the note's among what the index knows of itself."""
        self._database = database
        self._recordings = recordings
        self._holds = holds
        self._meta = Meta(database)
        self._key = key

    def known(self, calls: Collection[str]) -> dict[str, Known]:
        """What is known of each of these calls; those of which nothing is are left out.

        Raises StoreError.
        """
        rules: dict[str, str] = {}
        going: set[str] = set()
        with self._database.reading() as connection:
            have = {each.call: each for each in self._recordings.several(calls, connection)}
            for some in chunks(calls):
                wanted = select(destroyed.c.call, destroyed.c.rule)
                rows = connection.execute(wanted.where(destroyed.c.call.in_(some)))
                rules |= {row.call: row.rule for row in rows}
                going |= {*connection.scalars(select(dying.c.call).where(dying.c.call.in_(some)))}
        return {
            call: Known(have.get(call), rules.get(call, ""), call in going)
            for call in (*have, *rules, *going)
        }

    def enter(
        self,
        rows: Sequence[tuple[Recording, str]],
        marks: Mapping[str, str],
        at_ms: int,
        note: Note,
    ) -> Entered:
        """Enter recordings, each with its customer's number, with a hold for each mark that has a
        kind, and the note, in one transaction.

        The row of a call without a recording is written anew where this one has it. Raises
        StoreError.
        """
        with self._database.writing() as connection:
            have = {
                each.call: each.state
                for each in self._recordings.several([row.call for row, _ in rows], connection)
            }
            better = [
                (row, number)
                for row, number in rows
                if row.state == "kept" and have.get(row.call) in _EMPTY
            ]
            fresh = [(row, number) for row, number in rows if row.call not in have]
            added = self._recordings.add(fresh, within=connection)
            again = self._recordings.add(better, replace=True, within=connection)
            new = {*added.new, *again.new}
            holds = tuple(
                placed
                for row, _number in rows
                if row.marks and row.call in new
                for placed in self._place(row, marks, at_ms, connection)
            )
            entered = tuple(row.call for row, _number in rows if row.call in new)
            text = {
                "after": note.after, "calls": entered, "holds": holds, "told": sorted(note.told)
            }  # fmt: skip
            self._meta.set(self._key, json.dumps(text, separators=(",", ":")), connection)
        gone = frozenset((*added.gone, *again.gone))
        return Entered(holds, gone, frozenset(row.call for row, _ in rows) - new - gone)

    def _place(
        self, row: Recording, marks: Mapping[str, str], at_ms: int, connection: Connection
    ) -> Iterator[Placed]:
        before = {hold.ref for hold in self._holds.of(row.call, connection)}
        for kind in dict.fromkeys(marks[mark] for mark in row.marks if mark in marks):
            hold = self._holds.place(row.call, kind, ENGINE, at_ms, connection)
            if hold.ref not in before:
                yield Placed(hold.ref, hold.call, hold.kind)

    def note(self) -> Note | None:
        """That of the batch that was entered last; None where the index knows of none. Raises
        StoreError."""
        text = self._meta.get(self._key)
        if text is None:
            return None
        try:
            said = json.loads(text)
            told = frozenset((str(action), str(call)) for action, call in said["told"])
            holds = tuple(Placed(*map(str, each)) for each in said["holds"])
            return Note(int(said["after"]), tuple(map(str, said["calls"])), holds, told)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreError(
                f"the index's note of what was taken in last ({self._key}) cannot be read\n"
                "  restore the index from its backup, or make it again: ivr index rebuild"
            ) from error

    def several(self, calls: Collection[str]) -> tuple[Recording, ...]:
        """Those of the calls that are in the index. Raises StoreError."""
        return self._recordings.several(calls)
