"""What people ask the service for: one frozen value each, which both ends know (R16).

A request goes as JSON to ``/v1/<its name>``, and comes back as JSON of the type that stands in
:data:`ANSWERS`, or as bytes or lines where it stands in :data:`STREAMS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ivr.retention.answers import Change, Found, Line, Sent, Shown, Stats, Verified, Wish
from ivr.retention.model import Case, Hold, Query
from ivr.retention.outgoing.model import Outgoing


@dataclass(frozen=True, slots=True)
class Search:
    """Look for recordings."""

    query: Query


@dataclass(frozen=True, slots=True)
class Show:
    """See all there is of one."""

    call: str
    case: str = ""
    identity: str = ""
    """The secret key of a sealed archive, as age-keygen writes it; empty where none is given."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Hear one; comes as bytes."""

    call: str
    part: int = 1
    case: str = ""
    reason: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class CaseOpen:
    """Open a case."""

    ref: str
    kind: str


@dataclass(frozen=True, slots=True)
class CaseAdd:
    """Have recordings belong to it."""

    ref: str
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseRemove:
    """Have them no longer belong to it."""

    ref: str
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseClose:
    """Close it."""

    ref: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class CaseReopen:
    """Open it again."""

    ref: str


@dataclass(frozen=True, slots=True)
class CaseShow:
    """See it with its recordings."""

    ref: str


@dataclass(frozen=True, slots=True)
class CaseList:
    """See them all."""

    kind: str = ""
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class HoldPlace:
    """Hold a recording by itself."""

    call: str
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HoldRelease:
    """Release a hold."""

    ref: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Have a copy mailed to a customer."""

    wish: Wish
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Take a sealed bundle for a case; comes as bytes."""

    call: str
    case: str
    reason: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Mails:
    """See mails with copies, of one call or all."""

    call: str = ""


@dataclass(frozen=True, slots=True)
class MailDecide:
    """Send a mail again of which it is not known whether it was delivered, or let it be."""

    mail: str
    again: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of what is due; comes as lines of :class:`ivr.core.retention.Disposition`."""

    at: date | None = None


@dataclass(frozen=True, slots=True)
class ScheduleShow:
    """What adopting the schedule would newly destroy."""


@dataclass(frozen=True, slots=True)
class ScheduleAdopt:
    """Adopt it."""

    version: str


@dataclass(frozen=True, slots=True)
class StatsShow:
    """How it stands."""


@dataclass(frozen=True, slots=True)
class AuditShow:
    """The last entries that fit."""

    most: int = 50
    call: str = ""
    case: str = ""
    who: str = ""
    actions: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class AuditVerify:
    """Check the whole trail."""


ANSWERS: Mapping[type[Any], Any] = {
    Search: list[Found],
    Show: Shown,
    CaseOpen: Case,
    CaseAdd: Case,
    CaseRemove: Case,
    CaseClose: Case,
    CaseReopen: Case,
    CaseShow: Case,
    CaseList: list[Case],
    HoldPlace: Hold,
    HoldRelease: Hold,
    Send: Sent,
    Mails: list[Outgoing],
    MailDecide: Outgoing,
    ScheduleShow: Change,
    ScheduleAdopt: None,
    StatsShow: Stats,
    AuditShow: list[Line],
    AuditVerify: Verified,
}
"""What each comes back as."""

STREAMS: tuple[type[Any], ...] = (Listen, Evidence, Plan)
"""What comes back in pieces, since it may be large."""


def name_of(request: type[Any]) -> str:
    """Its name in a path: ``case-open``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", request.__name__).lower()
