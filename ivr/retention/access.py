"""May this person do that with this recording? Pure, and the default is no (R16).

One role that grants it is enough. A refusal says what was wanted, what each role lacked and what
would be needed, for people and for the audit trail; nothing in it identifies a caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.core.access import (
    AMONG_RECORDINGS,
    OF_A_CASE,
    OF_A_RECORDING,
    WITH_REASON,
    Access,
    Action,
    Member,
    Role,
)
from ivr.retention.model import Case, Person

__all__ = [
    "Access",
    "Action",
    "Circumstance",
    "Member",
    "Role",
    "Ruling",
    "decide",
    "roles_of",
]

_CONFINED = OF_A_RECORDING | AMONG_RECORDINGS | OF_A_CASE
"""What is confined to the teams and cases of a role; the rest shows no recording."""
_TOKEN = "token:"  # noqa: S105  # how the user of a token begins, and no secret


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What of the matter decides, besides who asks for what."""

    team: str = ""
    """The recording's team; empty: none is known."""
    cases: tuple[Case, ...] = ()
    """The open cases that name the recording; of an action with a case alone, that case."""
    named: str = ""
    """The reference of the case that the person names."""
    reason: str = ""
    """Why, in the person's words."""
    recording: bool = False
    """Whether it is about one recording. Of :data:`~ivr.core.access.OF_A_RECORDING` it always
    is."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided, and why."""

    granted: bool
    why: str
    """For people and the audit trail, one line."""
    role: str = ""
    """The role that granted it."""
    teams: frozenset[str] | None = frozenset()
    """Whose recordings a list or a case may show; None is every team's, also of what no team
    matters to. Of what was refused nobody's."""


def decide(access: Access, person: Person, action: Action, circumstance: Circumstance) -> Ruling:
    """Whether the person may; the roles of the person are asked in the order of the file.

    Another role never takes a right away.
    """
    held = roles_of(access, person)
    what = _WHAT[action]
    if not held:
        return _refused(
            f"{person.user} may not {what}: nobody of that name, and none of the groups that they "
            f"are in, has a role in {access.file}; {_needed(access, action)}"
        )
    having = [role for role in held if action in role.may]
    if not having:
        names = _roles([role.name for role in held])
        return _refused(
            f"{person.user} may not {what}: {names} ({access.file}) may not {action}; "
            f"{_needed(access, action)}"
        )
    own = _own_teams(access, person)
    lacking: list[str] = []
    granting: list[Role] = []
    for role in having:
        lack = "; ".join(_lacks(role, own, action, circumstance))
        if lack:
            lacking.append(f"role {role.name} ({access.file}) {lack}")
        else:
            granting.append(role)
    if not granting:
        return _refused(f"{person.user} may not {what}: {'; '.join(lacking)}")
    role = granting[0]
    teams = _all_teams(granting, own) if action in _CONFINED else None
    return Ruling(True, f"role {role.name} may {action}", role.name, teams)


def roles_of(access: Access, person: Person) -> tuple[Role, ...]:
    """The roles of a person, each once, in the order of the file: their own and their groups'.

    Whoever comes with a token is in no group.
    """
    names: set[str] = set()
    member = access.people.get(person.user)
    if member is not None:
        names.update(member.roles)
    if not person.user.startswith(_TOKEN):
        for group in person.groups:
            names.update(access.groups.get(group, ()))
    return tuple(role for name, role in access.roles.items() if name in names)


def teams_of(access: Access, person: Person, action: Action) -> frozenset[str] | None:
    """Of which teams' recordings a role may do this at all; None is of all."""
    having = [role for role in roles_of(access, person) if action in role.may]
    return _all_teams(having, _own_teams(access, person))


def _own_teams(access: Access, person: Person) -> frozenset[str]:
    member = access.people.get(person.user)
    return member.teams if member is not None else frozenset()


def _teams(role: Role, own: frozenset[str]) -> frozenset[str] | None:
    if role.teams is None:
        return None
    return role.teams | own if role.own else role.teams


def _all_teams(roles: list[Role], own: frozenset[str]) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for role in roles:
        teams = _teams(role, own)
        if teams is None:
            return None
        found |= teams
    return found


def _lacks(
    role: Role, own: frozenset[str], action: Action, circumstance: Circumstance
) -> Iterator[str]:
    """What a role that lists the action lacks in this circumstance; nothing where it grants it."""
    about_one = circumstance.recording or action in OF_A_RECORDING
    teams = _teams(role, own)
    if teams is not None and about_one and circumstance.team not in teams - {""}:
        whose = f"is of team {circumstance.team}" if circumstance.team else "is of no team"
        yield f"is for recordings of {_theirs(role, teams)}, and this one {whose}"
    elif teams is not None and action in AMONG_RECORDINGS and not teams:
        yield f"is for recordings of {_theirs(role, teams)}"
    confined = about_one or action in _CONFINED
    if role.cases and confined and (lack := _lacks_case(role, circumstance, about_one)):
        yield lack
    if role.reason and action in WITH_REASON and not _has_reason(circumstance):
        yield "needs a reason: --reason, or the open case that names it: --case"


def _theirs(role: Role, teams: frozenset[str]) -> str:
    if teams:
        named = ", ".join(sorted(teams))
        return f"their own teams ({named})" if role.own else f"team {named}"
    return "the person's own teams, and no team is written for them (people, teams)"


def _lacks_case(role: Role, circumstance: Circumstance, about_one: bool) -> str:
    kinds = " or ".join(sorted(role.cases))
    of_it = " that names the recording" if about_one else ""
    if not circumstance.named:
        return f"needs an open {kinds} case{of_it}, and that it is named: --case"
    case = _named(circumstance)
    if case is None:
        # What was typed is not repeated: it may be anything, and this goes into the audit trail.
        return f"needs an open {kinds} case{of_it}, and the one that was named is none"
    if case.closed is not None:
        return f"needs an open {kinds} case{of_it}, and {case.ref} was closed on {case.closed}"
    if case.kind not in role.cases:
        return f"needs an open {kinds} case{of_it}, and {case.ref} is of kind {case.kind}"
    return ""


def _named(circumstance: Circumstance) -> Case | None:
    return next((one for one in circumstance.cases if one.ref == circumstance.named), None)


def _has_reason(circumstance: Circumstance) -> bool:
    """A case that names the recording, and that the person names, says why by itself."""
    if circumstance.reason.strip():
        return True
    case = _named(circumstance)
    return case is not None and case.closed is None


def _refused(why: str) -> Ruling:
    return Ruling(False, why)


def _roles(names: list[str]) -> str:
    return f"{'role' if len(names) == 1 else 'roles'} {', '.join(names)}"


def _needed(access: Access, action: Action) -> str:
    names = [role.name for role in access.roles.values() if action in role.may]
    if not names:
        return "no role may"
    return f"that needs the role {' or '.join(names)}"


_WHAT = {
    Action.SEARCH: "search for recordings",
    Action.SHOW: "see this recording's record",
    Action.LISTEN: "listen to this recording",
    Action.SEND: "send a copy of this recording",
    Action.EVIDENCE: "take this recording as evidence",
    Action.HOLD: "hold this recording",
    Action.RELEASE: "release this recording",
    Action.CASE_SHOW: "see cases",
    Action.CASE_OPEN: "open cases",
    Action.CASE_CHANGE: "change what a case names",
    Action.CASE_CLOSE: "close cases",
    Action.PLAN: "see what is to be destroyed",
    Action.SCHEDULE: "adopt a schedule",
    Action.AUDIT_SHOW: "read the audit trail",
    Action.AUDIT_VERIFY: "check the audit trail",
    Action.STATS: "see the counts",
    Action.OPERATE: "operate the service",
}
