"""Cases and holds: what keeps recordings from being destroyed (R13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from ivr.config.mistakes import did_you_mean, one_of
from ivr.core.access import Action
from ivr.core.schedule import Schedule
from ivr.errors import UsageError
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.holds import Holds
from ivr.retention.index.recordings import Recordings
from ivr.retention.model import Case, Hold, Person
from ivr.retention.office.gate import Gate


class Keeping:
    """Every change and its entry in the audit trail are one transaction: neither is there
    without the other. What raises changes nothing."""

    def __init__(
        self,
        gate: Gate,
        database: Database,
        recordings: Recordings,
        cases: Cases,
        holds: Holds,
        schedule: Callable[[], Schedule],
        clock: Callable[[], int],
        today: Callable[[], date],
        day: Callable[[int], date],
    ) -> None:
        self._gate = gate
        self._database = database
        self._recordings = recordings
        self._cases = cases
        self._holds = holds
        self._schedule = schedule
        self._clock = clock
        self._today = today
        self._day = day

    def open(self, person: Person, ref: str, kind: str) -> Case:
        """Open a case. Raises RefusedError; UsageError for a kind that the schedule does not
        know, and for what cannot be opened."""
        self._gate.may_case(person, Action.CASE_OPEN, None, ref)
        self._known(kind)
        with self._database.writing():
            if self._cases.open(ref, kind, person.user, self._clock()):
                self._gate.write(person, Action.CASE_OPEN, "done", case=ref, detail=kind)
            return self._case(ref)

    def add(self, person: Person, ref: str, calls: Sequence[str]) -> Case:
        """Have recordings belong to a case. Raises RefusedError, UsageError."""
        return self._change(person, ref, calls, added=True)

    def remove(self, person: Person, ref: str, calls: Sequence[str]) -> Case:
        """Have recordings no longer belong to a case. Raises RefusedError, UsageError."""
        return self._change(person, ref, calls, added=False)

    def close(self, person: Person, ref: str, day: date | None = None) -> Case:
        """Close a case, today or on an earlier day: the period of its kind runs from then.

        Raises RefusedError; UsageError for a day that has not come yet, or was before the case.
        """
        with self._gate.looking_up(person, Action.CASE_CLOSE):
            case = self._case(ref)
        self._gate.may_case(person, Action.CASE_CLOSE, case)
        day = day or self._today()
        if day > self._today():
            raise UsageError(f"{day} has not come yet, expected today or an earlier day")
        if day < (opened := self._day(case.opened_ms)):
            raise UsageError(
                f"{day}: {ref} was opened on {opened}, expected that day or a later one"
            )
        with self._database.writing():
            if self._cases.close(ref, day):
                self._gate.write(
                    person, Action.CASE_CLOSE, "done", case=ref, detail=day.isoformat()
                )
            return self._case(ref)

    def reopen(self, person: Person, ref: str) -> Case:
        """Have a closed case hold again for as long as it is open. Raises RefusedError."""
        with self._gate.looking_up(person, Action.CASE_OPEN):
            case = self._case(ref)
        self._gate.may_case(person, Action.CASE_OPEN, case)
        with self._database.writing():
            if self._cases.reopen(ref):
                self._gate.write(person, "case-reopen", "done", case=ref)
            return self._case(ref)

    def show(self, person: Person, ref: str) -> Case:
        """A case with its recordings. Raises RefusedError, UsageError where there is none."""
        with self._gate.looking_up(person, Action.CASE_SHOW):
            case = self._case(ref)
        self._gate.may_case(person, Action.CASE_SHOW, case)
        self._gate.write(person, Action.CASE_SHOW, "granted", case=ref)
        return case

    def listing(self, person: Person, *, kind: str = "", open_only: bool = False) -> list[Case]:
        """Cases, the latest first; only those that the person may see. Raises RefusedError where
        they may see none of any kind."""
        cases = self._cases.listing(kind=kind, open_only=open_only)
        seen = [case for case in cases if self._gate.would_case(person, Action.CASE_SHOW, case)]
        if cases and not seen:
            self._gate.may_case(person, Action.CASE_SHOW, cases[0])
        elif not cases:
            self._gate.may_case(person, Action.CASE_SHOW, None)
        self._gate.write(person, Action.CASE_SHOW, "granted", detail=f"{len(seen)} listed")
        return seen

    def hold(self, person: Person, call: str, kind: str, reason: str) -> Hold:
        """Hold a recording by itself, under a kind of case. Raises RefusedError, UsageError."""
        with self._gate.looking_up(person, Action.HOLD):
            recording = self._recordings.find(call, self._gate.teams(person, Action.HOLD))
        self._gate.may(person, Action.HOLD, recording, reason=reason)
        self._known(kind)
        with self._database.writing():
            before = self._holds.of(recording.call)
            hold = self._holds.place(recording.call, kind, person.user, self._clock())
            if hold not in before:
                told = {"reason": reason} if reason else None
                self._gate.write(person, Action.HOLD, "done", recording.call, hold.ref, kind, told)
        return hold

    def release(self, person: Person, ref: str, reason: str) -> Hold:
        """Release a hold today: the period of its kind runs from then. Raises RefusedError,
        UsageError."""
        with self._gate.looking_up(person, Action.RELEASE):
            hold = self._holds.get(ref)
            if hold is None:
                raise UsageError(f"there is no hold {ref!r}; ivr show CALL shows those of a call")
            recording = self._recordings.find(hold.call)
        self._gate.may(person, Action.RELEASE, recording, reason=reason)
        day = self._today()
        with self._database.writing():
            if self._holds.release(ref, day):
                told = {"reason": reason} if reason else None
                self._gate.write(
                    person, Action.RELEASE, "done", hold.call, ref, day.isoformat(), told
                )
            return self._holds.get(ref) or hold

    def _change(self, person: Person, ref: str, calls: Sequence[str], *, added: bool) -> Case:
        with self._gate.looking_up(person, Action.CASE_CHANGE):
            case = self._case(ref)
        self._gate.may_case(person, Action.CASE_CHANGE, case)
        found = [self._recordings.find(call) for call in calls]
        for recording in found:
            self._gate.may(person, Action.CASE_CHANGE, recording, case=ref)
        wanted = [recording.call for recording in found]
        change = self._cases.add if added else self._cases.remove
        with self._database.writing():
            changed = change(ref, wanted)
            self._gate.write_each(
                person, "case-add" if added else "case-remove", "done", changed, ref
            )
            return self._case(ref)

    def _case(self, ref: str) -> Case:
        case = self._cases.get(ref)
        if case is None:
            raise UsageError(f"there is no case {ref!r}; see which there are: ivr case ls")
        return case

    def _known(self, kind: str) -> None:
        kinds = self._schedule().kinds
        if kind not in kinds:
            raise UsageError(
                f"{kind!r} is no kind of case: expected {one_of(kinds)}{did_you_mean(kind, kinds)}"
            )
