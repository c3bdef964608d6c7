"""What is due, and how it leaves the index: decided, dying, gone (R12, R13, R14)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, insert, select, tuple_

from ivr.core.retention import Disposition, Facts, decide
from ivr.core.schedule import Schedule
from ivr.errors import StoreError
from ivr.retention.index.chunks import chunks
from ivr.retention.index.claims import claims_on
from ivr.retention.index.database import UNFORGOTTEN, Database
from ivr.retention.index.meta import Meta
from ivr.retention.index.tables import (
    agent,
    case_recording,
    destroyed,
    dying,
    hold,
    mark,
    outgoing,
    particular,
    recording,
)

PAGE = 5000
"""Rows that are looked at together; no transaction is open while they are dealt with."""
_ROWS_OF_A_CALL = (agent, mark, case_recording, hold, particular, outgoing, recording)


@dataclass(frozen=True, slots=True)
class Dying:
    """A recording whose destruction has been decided and is not finished."""

    call: str
    rule: str
    """The name of the rule that decided."""
    due: date
    after_seq: int
    """The last entry of the audit trail before."""


class Destroying:
    """The way out. Every method raises StoreError where the database refuses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._meta = Meta(database)

    def due(self, schedule: Schedule, today: date) -> Iterator[Disposition]:
        """All that is to be destroyed today, the oldest of each team and policy version first.

        Memory does not grow with their number. What is dying already is not among them. Destroy
        while it goes on: it is read in pages, each as it is then.
        """
        for each in self.dispositions(schedule, today, today):
            if each.action == "destroy":
                yield each

    def dispositions(self, schedule: Schedule, today: date, until: date) -> Iterator[Disposition]:
        """What happens to each recording that the rule for every recording keeps until no later
        than the day ``until``: those that cases keep longer are among them, with what keeps them.
        """
        for team, policy in self._pairs():
            yield from self._of_pair(team, policy, schedule, today, until)

    def claim(
        self, calls: Collection[str], schedule: Schedule, today: date, after_seq: int
    ) -> list[Dying]:
        """Decide on each once more, with the cases and holds as they are now, and mark those that
        are to be destroyed as dying, durably; those are returned. From here on nothing can hold
        them. What is dying already is not among them.
        """
        taken: list[Dying] = []
        with self._database.writing() as connection:
            for some in chunks(calls):
                facts = _facts(connection, some)
                claims = claims_on(connection, facts)
                for call, known in facts.items():
                    now = decide(known, claims.get(call, ()), schedule, today)
                    if now.action == "destroy" and now.due is not None:
                        taken.append(Dying(call, now.rule, now.due, after_seq))
            _mark(connection, taken)
        return taken

    def claim_at_once(
        self, calls: Collection[str], rule: str, today: date, after_seq: int
    ) -> list[Dying]:
        """Mark calls as dying whatever holds them, also those that are not in the index; those
        that were not dying before are returned (R4)."""
        with self._database.writing() as connection:
            taken: list[Dying] = []
            for some in chunks(calls):
                already = set(
                    connection.scalars(select(dying.c.call).where(dying.c.call.in_(some)))
                )
                taken += [
                    Dying(call, rule, today, after_seq) for call in some if call not in already
                ]
            _mark(connection, taken)
        return taken

    def pending(self) -> list[Dying]:
        """What is dying: to be finished first, as after a crash."""
        with self._database.reading() as connection:
            rows = connection.execute(select(dying).order_by(dying.c.after_seq, dying.c.call))
            return [
                Dying(row.call, row.rule, date.fromisoformat(row.due), row.after_seq)
                for row in rows
            ]

    def finish(self, calls: Collection[str], day: date) -> None:
        """Delete all that the index holds of calls that are dying, but for their ids; durable when
        it returns. Those that are finished already may be among them.

        :meth:`Database.forget` comes after it. Raises StoreError where one of the calls is not
        dying: nothing is deleted then.
        """
        with self._database.writing() as connection:
            for some in chunks(calls):
                decided = connection.execute(
                    select(dying.c.call, dying.c.rule).where(dying.c.call.in_(some))
                )
                rules = {row.call: row.rule for row in decided}
                alive = [
                    call
                    for call in connection.scalars(
                        select(recording.c.call).where(recording.c.call.in_(some))
                    )
                    if call not in rules
                ]
                if alive:
                    raise StoreError(
                        f"{', '.join(alive[:5])}: its destruction has not been decided:"
                        " nothing is destroyed"
                    )
                going = tuple(rules)
                numbers = set(
                    connection.scalars(
                        select(recording.c.number).where(
                            recording.c.call.in_(going), recording.c.number != ""
                        )
                    )
                )
                gone = sum(
                    connection.execute(delete(table).where(table.c.call.in_(going))).rowcount
                    for table in _ROWS_OF_A_CALL
                )
                _forget_numbers(connection, numbers)
                connection.execute(delete(dying).where(dying.c.call.in_(going)))
                if gone:
                    # Another value each time: who forgets takes back only what came before.
                    self._meta.set(UNFORGOTTEN, f"{day} {token_hex(8)}", connection)
                connection.execute(delete(destroyed).where(destroyed.c.call.in_(going)))
                rows = [
                    {"call": call, "day": day.isoformat(), "rule": rule}
                    for call, rule in rules.items()
                ]
                if rows:
                    connection.execute(insert(destroyed), rows)

    def gone(self, calls: Collection[str]) -> set[str]:
        """Those of the calls that were destroyed."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for some in chunks(calls):
                found.update(
                    connection.scalars(select(destroyed.c.call).where(destroyed.c.call.in_(some)))
                )
        return found

    def tally(self) -> dict[str, int]:
        """How many were destroyed, by rule."""
        counted = select(destroyed.c.rule, func.count()).group_by(destroyed.c.rule)
        with self._database.reading() as connection:
            return {rule: int(count) for rule, count in connection.execute(counted)}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Each team with each of its policy versions, one after the other: the database need not
        look at all recordings for it."""
        pair = (recording.c.team, recording.c.policy)
        wanted = select(*pair).order_by(*pair).limit(1)
        with self._database.reading() as connection:
            found = connection.execute(wanted).one_or_none()
        while found is not None:
            yield tuple(found)
            with self._database.reading() as connection:
                more = wanted.where(tuple_(*pair) > tuple_(*found))
                found = connection.execute(more).one_or_none()

    def _of_pair(
        self, team: str, policy: str, schedule: Schedule, today: date, until: date
    ) -> Iterator[Disposition]:
        rule = schedule.rule("", team, policy)
        # Where no rule is for it, it is held: decide() says so of each.
        cutoff = until if rule is None else rule.keep.last_begun(until)
        after = ("", "")
        decided: dict[str, Disposition] = {}
        while True:
            with self._database.reading() as connection:
                # Hardly ever is one dying meanwhile: then none of the rows is looked for there.
                some = connection.scalar(select(dying.c.call).limit(1)) is not None
                rows = connection.execute(_page(team, policy, cutoff, after, some)).all()
                claimed = [call for call, _, named in rows if named]
                claims = claims_on(connection, claimed) if claimed else {}
            for call, day, named in rows:
                if named:
                    facts = Facts(call, date.fromisoformat(day), team, policy)
                    yield decide(facts, claims.get(call, ()), schedule, today)
                    continue
                # Of those that nothing else names, the day decides: once for all of a day.
                same = decided.get(day)
                if same is None:
                    facts = Facts(call, date.fromisoformat(day), team, policy)
                    same = decided[day] = decide(facts, (), schedule, today)
                yield Disposition(call, same.action, same.due, same.rule, same.why)
            if len(rows) < PAGE:
                return
            after = (rows[-1].day, rows[-1].call)


def _page(
    team: str, policy: str, cutoff: date, after: tuple[str, str], some_dying: bool
) -> Select[Any]:
    """The next rows of a team and a policy version, by day and call."""
    named = exists().where(case_recording.c.call == recording.c.call) | exists().where(
        hold.c.call == recording.c.call
    )
    wanted = (
        select(recording.c.call, recording.c.day, named.label("named"))
        .where(
            recording.c.team == team,
            recording.c.policy == policy,
            recording.c.day <= cutoff.isoformat(),
            tuple_(recording.c.day, recording.c.call) > tuple_(*after),
        )
        .order_by(recording.c.day, recording.c.call)
        .limit(PAGE)
    )
    if some_dying:
        wanted = wanted.where(~exists().where(dying.c.call == recording.c.call))
    return wanted


def _facts(connection: Connection, calls: Sequence[str]) -> dict[str, Facts]:
    """Of those that are there and not dying."""
    wanted = select(recording.c.call, recording.c.day, recording.c.team, recording.c.policy).where(
        recording.c.call.in_(calls), ~exists().where(dying.c.call == recording.c.call)
    )
    return {
        call: Facts(call, date.fromisoformat(day), team, policy)
        for call, day, team, policy in connection.execute(wanted)
    }


def _forget_numbers(connection: Connection, numbers: set[str]) -> None:
    """What people searched for goes with the last recording of that number (R14)."""
    for some in chunks(numbers):
        still = set(
            connection.scalars(select(recording.c.number).where(recording.c.number.in_(some)))
        )
        over = tuple(number for number in some if number not in still)
        connection.execute(delete(particular).where(particular.c.number.in_(over)))


def _mark(connection: Connection, taken: list[Dying]) -> None:
    rows = [
        {
            "call": each.call,
            "rule": each.rule,
            "due": each.due.isoformat(),
            "after_seq": each.after_seq,
        }
        for each in taken
    ]
    if rows:
        connection.execute(insert(dying), rows)
