"""Who may do what, as data: roles and the people that have them (R16). The default is no.

:mod:`ivr.config.access` reads it, :mod:`ivr.retention.access` decides by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What a person can ask the retention layer for; a role lists those that it may."""

    SEARCH = "search"
    """Look for recordings."""
    SHOW = "show"
    """See a recording's record, with the customer's number."""
    LISTEN = "listen"
    """Hear a recording, or take it away as a file."""
    SEND = "send"
    """E-mail a copy to the customer (R15)."""
    EVIDENCE = "evidence"
    """Take a sealed bundle for a case."""
    HOLD = "hold"
    """Hold a recording, so that it is not destroyed."""
    RELEASE = "release"
    """End a hold: the period of its kind begins."""
    CASE_SHOW = "case-show"
    """See cases, and which recordings they name."""
    CASE_OPEN = "case-open"
    """Open a case, or open a closed one again."""
    CASE_CHANGE = "case-change"
    """Add recordings to a case, or remove them from it."""
    CASE_CLOSE = "case-close"
    """Close a case: the period of its kind begins."""
    PLAN = "plan"
    """See what is to be destroyed when."""
    SCHEDULE = "schedule"
    """Adopt a change of the schedule (R18)."""
    AUDIT_SHOW = "audit-show"
    """Read the audit trail."""
    AUDIT_VERIFY = "audit-verify"
    """Check the audit trail."""
    STATS = "stats"
    """See counts and sizes, of no recording by itself."""
    OPERATE = "operate"
    """Start, stop and repair the service, without seeing or hearing what it keeps."""


OF_A_RECORDING = frozenset(
    {
        Action.SHOW,
        Action.LISTEN,
        Action.SEND,
        Action.EVIDENCE,
        Action.HOLD,
        Action.RELEASE,
    }
)
"""What is always done with one recording, of one team."""
AMONG_RECORDINGS = frozenset({Action.SEARCH, Action.PLAN})
"""What lists recordings: the list is confined to the teams of the role."""
OF_A_CASE = frozenset({Action.CASE_SHOW, Action.CASE_OPEN, Action.CASE_CHANGE, Action.CASE_CLOSE})
"""What is done with cases; adding a recording is done with the recording, too."""
WITH_REASON = frozenset({Action.LISTEN, Action.SEND, Action.EVIDENCE, Action.HOLD, Action.RELEASE})
"""What needs a reason where the role says so: hearing, giving away, holding and letting go."""


@dataclass(frozen=True, slots=True)
class Role:
    """What those who have it may do."""

    name: str
    may: frozenset[Action] = frozenset()
    teams: frozenset[str] | None = frozenset()
    """Whose recordings it is for; None is every team's, and those of no team."""
    own: bool = False
    """Whether it is for recordings of the person's own teams."""
    cases: frozenset[str] = frozenset()
    """Kinds of case: only recordings that an open case of these kinds names, and the person names
    the case. Empty: no such limit."""
    reason: bool = True
    """Whether actions :data:`WITH_REASON` need one; a case that the person names is one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person whom the access file names."""

    user: str
    """The operating system's user, or ``token:<name>``."""
    name: str
    """For people."""
    roles: tuple[str, ...]
    teams: frozenset[str] = frozenset()
    """Their own teams."""


@dataclass(frozen=True, slots=True)
class Access:
    """All of it. Who is not named, and in no group that is named, may nothing."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    people: Mapping[str, Member] = field(default_factory=dict)
    """By user."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Roles by the operating system's group."""
    file: str = "access.yaml"
    """Where it is written, for refusals."""
