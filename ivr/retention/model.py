"""What the parts of the retention layer tell each other: recordings, cases, holds, people.

Frozen values only. The archive holds the truth about recordings, the index (a database) about
cases and holds; these are what both are read into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ivr.core.retention import Facts

Format = Literal["wav", "flac", "opus"]
BY = " by "
"""Between person and program in the audit trail; no user's name has a space in it."""
State = Literal["kept", "none", "lost", "destroyed", "exempt"]


@dataclass(frozen=True, slots=True)
class Part:
    """One audio file of a recording, as it lies in the archive."""

    name: str
    """The file's name in the folder of its day, such as ``<call>.2.flac.age``."""
    size: int
    """Bytes as they lie there."""
    sha256: str
    """Of the bytes as they lie there, lower-case hex."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One call in the archive: what the index knows of it besides its customer's number."""

    call: str
    """The record's id, a lower-case UUID."""
    day: date
    """The day on which it ended by the site's zone; names its folder in the archive."""
    ended_ms: int
    """Milliseconds since 1970 by the engine's wall clock; of an exempt call its day's midnight."""
    team: str
    route: str
    direction: str
    """``inbound``, ``outbound``, ``internal``; empty of an exempt call."""
    policy: str
    """The policy version under which it was recorded (R18)."""
    state: State
    ended: str
    """By whom and why, such as ``caller/NORMAL_CLEARING`` (for lists)."""
    duration_ms: int
    """Of its audio."""
    record_name: str
    """The record's file in the folder of its day: ``<call>.json`` or ``<call>.json.age``."""
    record_sha256: str
    """Of that file as it lies there."""
    format: Format
    sealed: bool
    """Encrypted to the site's recipients; nothing on this host can read it."""
    parts: tuple[Part, ...] = ()
    marks: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    """Extensions of staff who had the call, in order, each once."""

    @property
    def facts(self) -> Facts:
        """What the planner asks for."""
        return Facts(self.call, self.day, self.team, self.policy)

    @property
    def files(self) -> tuple[tuple[date, str], ...]:
        """All that lies of it in the archive: the folder's day and the name, the record last."""
        names = (*(part.name for part in self.parts), self.record_name)
        return tuple((self.day, name) for name in names)

    @property
    def size(self) -> int:
        """Bytes of its audio in the archive."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class Query:
    """What recordings are looked for; what is empty or None does not matter."""

    number: str = ""
    """The customer's number, whole (``+44 1277 312500`` or ``01277312500``)."""
    tail: str = ""
    """Its last digits, four at least."""
    since: date | None = None
    until: date | None = None
    """Both days belong to it."""
    team: str = ""
    teams: frozenset[str] | None = None
    """Only calls of these teams: what the person's role is confined to."""
    agent: str = ""
    case: str = ""
    mark: str = ""
    most: int = 100
    """Rows at most, the latest first."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case that recordings belong to (R13)."""

    ref: str
    kind: str
    opened_ms: int
    opened_by: str
    closed: date | None
    """The day on which it was closed, by the site's zone; None while it is open."""
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """A recording that is held for itself, by a mark of the engine or by a person."""

    ref: str
    """``hold-<number>``."""
    call: str
    kind: str
    """A kind of case of the schedule; after its release that kind's period applies."""
    placed_ms: int
    placed_by: str
    """A person's user, or ``engine``."""
    released: date | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: attested by the operating system, or by a token."""

    user: str
    """The operating system's user name, or ``token:<name>``."""
    groups: frozenset[str] = frozenset()
    behalf: str = ""
    """The user of the program that asks for this person, such as ``ivr-desk``, by the operating
    system; empty where the person asks for themselves."""

    @property
    def told(self) -> str:
        """As the audit trail has it: who, and by which program: ``token:desk by ivr-desk``."""
        return f"{self.user}{BY}{self.behalf}" if self.behalf else self.user


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit trail, as it is asked for (R17)."""

    action: str
    """What was done, one word: ``listen``, ``destroy``, ``case-open``."""
    who: str
    """The person's user, or ``retention`` for the service itself."""
    outcome: Literal["granted", "refused", "done", "failed"]
    call: str = ""
    case: str = ""
    rule: str = ""
    detail: str = ""
    """More, for a person; nothing that identifies a caller."""
    particulars: Mapping[str, str] | None = None
    """What may identify somebody outside: reason, address, number searched for. The trail holds
    only a salted hash of it; the text lies apart and goes when the recording goes (R14)."""


SERVICE = "retention"
"""Who the audit trail says did what nobody asked for: the service itself."""
