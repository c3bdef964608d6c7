"""What is to be destroyed and why, how it stands, and what the audit trail says (R12 to R18)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice

from ivr.core.access import Action
from ivr.core.retention import Disposition
from ivr.errors import UsageError
from ivr.retention.adoption import adopt, adopted, change, in_force
from ivr.retention.answers import Change, Line, Stats, Verified
from ivr.retention.audit.line import Logged
from ivr.retention.audit.read import Wanted
from ivr.retention.audit.report import Report
from ivr.retention.audit.stores import Particular, ParticularsStore
from ivr.retention.audit.trail import Trail
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.meta import Meta
from ivr.retention.index.recordings import Recordings
from ivr.retention.model import Person
from ivr.retention.office.gate import Gate, Outcome
from ivr.retention.wanted import WantedSchedule

_AT_ONCE = 500
MOST_SHOWN = 100_000
"""Entries of the audit trail that one request hands back at most."""


class Overseeing:
    """What those ask who answer for the whole."""

    def __init__(
        self,
        gate: Gate,
        database: Database,
        recordings: Recordings,
        cases: Cases,
        destroying: Destroying,
        meta: Meta,
        trail: Trail,
        particulars: ParticularsStore,
        wanted: WantedSchedule,
        today: Callable[[], date],
        verified: Callable[[], Report],
    ) -> None:
        self._gate = gate
        self._database = database
        self._recordings = recordings
        self._cases = cases
        self._destroying = destroying
        self._meta = meta
        self._trail = trail
        self._particulars = particulars
        self._wanted = wanted
        self._today = today
        self._verified = verified

    def plan(self, person: Person, at: date | None = None) -> Iterator[Disposition]:
        """What becomes, on a day, of each recording whose own period is over then: destroyed, or
        kept by what. Of the teams that the person may see. Raises RefusedError."""
        ruling = self._gate.may_all(person, Action.PLAN)
        day = at or self._today()
        self._gate.write(person, Action.PLAN, "granted", detail=day.isoformat())
        schedule = in_force(self._meta, self._wanted.last())
        planned = self._destroying.dispositions(schedule, day, day)
        return planned if ruling.teams is None else self._of_teams(planned, ruling.teams)

    def schedule(self, person: Person) -> Change:
        """What adopting the schedule in ``schedule.yaml`` would newly destroy today. Raises
        RefusedError."""
        self._gate.may_all(person, Action.SCHEDULE)
        self._gate.write(person, Action.SCHEDULE, "granted", detail="looked at")
        return change(self._destroying, self._meta, self._wanted.read(), self._today())

    def adopt(self, person: Person, version: str) -> None:
        """Adopt it, naming its version. Raises RefusedError; UsageError where it is another."""
        self._gate.may_all(person, Action.SCHEDULE)
        wanted = self._wanted.read()
        if version != wanted.version:
            raise UsageError(
                f"the schedule is version {wanted.version!r}, not {version!r}:"
                " look at it first (ivr retention schedule), then adopt that one"
            )
        with self._database.writing():
            adopt(self._meta, wanted)
            self._gate.write(person, Action.SCHEDULE, "done", detail=version)

    def stats(self, person: Person) -> Stats:
        """How it stands. Raises RefusedError."""
        self._gate.may_all(person, Action.STATS)
        self._gate.write(person, Action.STATS, "granted")
        return self.standing()

    def standing(self) -> Stats:
        """The same for the service itself."""
        swept = self._meta.get("swept_ms")
        return Stats(
            groups=tuple(self._recordings.groups()),
            oldest=self._recordings.oldest(),
            held=self._cases.held(),
            dying=len(self._destroying.pending()),
            swept_ms=int(swept) if swept else None,
            audit_entries=self._trail.head().seq,
            schedule=self._version(),
        )

    def entries(self, person: Person, most: int, wanted: Wanted) -> list[Line]:
        """The last entries of the trail that fit, the earliest first. Raises RefusedError."""
        self._gate.may_all(person, Action.AUDIT_SHOW)
        if not 1 <= most <= MOST_SHOWN:
            raise UsageError(f"{most} entries: expected 1 to {MOST_SHOWN} at most")
        self._gate.write(person, Action.AUDIT_SHOW, "granted", detail=f"the last {most}")
        found = self._trail.last(most, wanted)
        told = self._particulars.get([each.seq for each in found if each.sealed])
        return [_line(each, told.get(each.seq)) for each in found]

    def verify(self, person: Person) -> Verified:
        """Check the whole trail. Raises RefusedError."""
        self._gate.may_all(person, Action.AUDIT_VERIFY)
        report = self._verified()
        outcome: Outcome = "done" if report.good else "failed"
        detail = f"{report.entries} entries, {len(report.faults)} faults"
        self._gate.write(person, Action.AUDIT_VERIFY, outcome, detail=detail)
        return verdict_of(report)

    def _version(self) -> str:
        schedule = adopted(self._meta)
        return schedule.version if schedule else ""

    def _of_teams(
        self, planned: Iterator[Disposition], teams: frozenset[str]
    ) -> Iterator[Disposition]:
        while some := list(islice(planned, _AT_ONCE)):
            known = self._recordings.several([each.call for each in some])
            seen = {each.call for each in known if each.team in teams}
            yield from (each for each in some if each.call in seen)


def verdict_of(report: Report) -> Verified:
    """A report as people and programs are told of it."""
    return Verified(
        report.entries,
        report.check_points,
        tuple(str(fault) for fault in report.faults),
        report.more,
        report.torn.size if report.torn else 0,
        report.gone,
    )


def _line(logged: Logged, told: Particular | None) -> Line:
    return Line(
        logged.seq,
        logged.at,
        logged.who,
        logged.action,
        logged.outcome,
        logged.call,
        logged.case,
        logged.rule,
        logged.detail,
        json.loads(told.text) if told and told.text else {},
    )
