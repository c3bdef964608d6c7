"""The one door: decides who may, and writes it down before anything is done (R16, R17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from ivr.core.access import Access, Action
from ivr.errors import RefusedError, UsageError
from ivr.logs import masked_within
from ivr.retention.access import Circumstance, Ruling, decide, roles_of, teams_of
from ivr.retention.audit.trail import Trail
from ivr.retention.index.cases import REF, Cases
from ivr.retention.index.holds import is_hold
from ivr.retention.model import Case, Entry, Person, Recording

LONGEST_REASON = 2000
"""Characters of a reason: it is kept for as long as the recording is."""
_LONGEST_REF = 64
Outcome = Literal["granted", "refused", "done", "failed"]


class Gate:
    """Whoever goes through is in the audit trail, and whoever may not is, too."""

    def __init__(self, access: Access, cases: Cases, trail: Trail) -> None:
        self._access = access
        self._cases = cases
        self._trail = trail

    def at_all(self, person: Person, action: Action) -> None:
        """Raises RefusedError, which is written, where no role lets the person do this with
        anything."""
        if not any(action in role.may for role in roles_of(self._access, person)):
            self.may_all(person, action)

    def teams(self, person: Person, action: Action) -> frozenset[str] | None:
        """Whose recordings some role lets the person do this with; None is every team's."""
        return teams_of(self._access, person, action)

    @contextmanager
    def looking_up(self, person: Person, action: Action) -> Iterator[None]:
        """While what a person names is looked up: who may nothing is refused, and does not learn
        what there is and what is not. Raises RefusedError in place of UsageError then."""
        try:
            yield
        except UsageError:
            self.at_all(person, action)
            raise

    def to_recording(
        self,
        person: Person,
        action: Action,
        recording: Recording,
        *,
        case: str = "",
        reason: str = "",
        detail: str = "",
        particulars: Mapping[str, str] | None = None,
    ) -> Ruling:
        """Let the person do this with a recording, and write it down; the ruling.

        ``case`` is the case that the person names. Raises RefusedError, and what the trail raises
        where nothing can be written: then nothing may be done.
        """
        ruling = self.may(person, action, recording, case=case, reason=reason)
        told = {**(particulars or {}), **({"reason": reason} if reason else {})}
        self.write(person, action, "granted", recording.call, case, detail, told)
        return ruling

    def may(
        self,
        person: Person,
        action: Action,
        recording: Recording,
        *,
        case: str = "",
        reason: str = "",
    ) -> Ruling:
        """As :meth:`to_recording`, but only a refusal is written: for what is written once it is
        done."""
        if len(reason) > LONGEST_REASON:
            raise UsageError(
                f"the reason has {len(reason)} characters, expected {LONGEST_REASON} at most"
            )
        circumstance = Circumstance(
            team=recording.team,
            cases=self._cases.open_naming(recording.call),
            named=case,
            reason=reason,
            recording=True,
        )
        return self._ruled(person, action, circumstance, recording.call, case, reason)

    def may_case(
        self, person: Person, action: Action, case: Case | None, ref: str = "", reason: str = ""
    ) -> Ruling:
        """The same for a case by itself; ``ref`` alone where there is none of that name yet."""
        named = case.ref if case else ref
        circumstance = Circumstance(
            cases=(case,) if case else (), named=named, reason=reason, recording=False
        )
        return self._ruled(person, action, circumstance, "", named, reason)

    def would_case(self, person: Person, action: Action, case: Case) -> bool:
        """Whether the person may, without a word in the trail: for lists."""
        circumstance = Circumstance(cases=(case,), named=case.ref)
        return decide(self._access, person, action, circumstance).granted

    def may_all(self, person: Person, action: Action, case: Case | None = None) -> Ruling:
        """The same for what is about no one recording; the ruling says whose teams' it may show.
        ``case``: the one that a search is confined to."""
        circumstance = Circumstance(
            cases=(case,) if case else (), named=case.ref if case else "", recording=False
        )
        return self._ruled(person, action, circumstance, "", circumstance.named, "")

    def everywhere(self, person: Person, action: Action) -> bool:
        """Whether a role lets the person do this for every team, where some role lets them do it
        at all. Raises RefusedError, which is written, where none does."""
        self.at_all(person, action)
        having = [role for role in roles_of(self._access, person) if action in role.may]
        return any(role.teams is None for role in having)

    def write(
        self,
        person: Person,
        action: str,
        outcome: Outcome,
        call: str = "",
        case: str = "",
        detail: str = "",
        particulars: Mapping[str, str] | None = None,
    ) -> None:
        """Put an entry of this person's into the trail, durably."""
        self.write_each(person, action, outcome, (call,), case, detail, particulars)

    def write_each(
        self,
        person: Person,
        action: str,
        outcome: Outcome,
        calls: Sequence[str],
        case: str = "",
        detail: str = "",
        particulars: Mapping[str, str] | None = None,
    ) -> None:
        """The same for each of these calls, with one sync."""
        shown = self._shown(case)
        self._trail.append(
            [
                Entry(
                    action,
                    person.told,
                    outcome,
                    call=call,
                    case=shown,
                    detail=detail,
                    particulars=particulars or None,
                )
                for call in calls
            ]
        )

    def _shown(self, ref: str) -> str:
        """A case's reference as the trail may have it for ever: what was typed in its place, and
        is none, may be anything, a customer's number too (R14)."""
        if not ref or is_hold(ref) or (REF.fullmatch(ref) and self._cases.get(ref)):
            return ref
        return masked_within(ref[:_LONGEST_REF])

    def _ruled(
        self,
        person: Person,
        action: Action,
        circumstance: Circumstance,
        call: str,
        case: str,
        reason: str,
    ) -> Ruling:
        ruling = decide(self._access, person, action, circumstance)
        if not ruling.granted:
            told = {"reason": reason} if reason else None
            self.write(person, action, "refused", call, case, ruling.why, told)
            raise RefusedError(f"{ruling.why}\n  the refusal is in the audit trail")
        return ruling
