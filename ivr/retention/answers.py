"""What the service answers people with. Commands read it, so nothing slow is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from ivr.core.amending import Shorter
from ivr.core.retention import Disposition
from ivr.retention.model import Case, Hold, Recording


@dataclass(frozen=True, slots=True)
class Group:
    """Recordings of one team under one policy version."""

    team: str
    policy: str
    recordings: int


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a search's answer."""

    recording: Recording
    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Shown:
    """All that there is to see of a recording."""

    recording: Recording
    disposition: Disposition
    cases: tuple[Case, ...]
    """The open ones that name it."""
    holds: tuple[Hold, ...]
    record: str | None
    """The record as the engine wrote it (JSON); None where it is sealed and no key was given."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How it stands, in numbers that concern no recording by itself."""

    groups: tuple[Group, ...]
    """Recordings by team and policy version."""
    oldest: date | None
    held: int
    """Recordings that an open case or hold keeps."""
    dying: int
    """Recordings whose destruction was begun and is not finished."""
    swept_ms: int | None
    """When the last sweep ended; milliseconds since 1970."""
    audit_entries: int
    schedule: str
    """The version of the schedule that was adopted; empty where none was."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of the audit trail, to be read; texts that it lacks are empty."""

    seq: int
    at: str
    who: str
    action: str
    outcome: str
    call: str
    case: str
    rule: str
    detail: str
    particulars: Mapping[str, str] = field(default_factory=dict)
    """Reason, address, number: as long as they are there, and where their key is."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What checking the audit trail came to."""

    entries: int
    check_points: int
    faults: tuple[str, ...]
    """A line for each: file, line, what is wrong."""
    more: int
    """Faults that are not listed."""
    torn: int
    """Bytes that a crash left at the end; the next entry repairs it."""
    gone: int
    """Entries whose particulars went with their recording."""


@dataclass(frozen=True, slots=True)
class Change:
    """What adopting the wanted schedule would do on a day."""

    adopted: str
    """The version of the one in force; empty where none has been adopted yet."""
    wanted: str
    """That of the one in ``schedule.yaml``."""
    changed: bool
    """Whether the two differ in anything but their version."""
    newly: tuple[Disposition, ...]
    """What would be destroyed that day and is kept by what is in force, under the wanted rules."""
    shorter: tuple[Shorter, ...] = ()
    """By which rules it keeps less long, whether or not that matters today."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A copy that somebody wants sent."""

    call: str
    address: str
    again: str
    """The address, typed once more."""
    reason: str = ""
    case: str = ""
    language: str = ""
    """Of the mail; empty: that of the call, where there is a mail in it."""
    format: str = ""
    """mp3, opus or wav; empty: as the settings say."""
    reference: str = ""
    """What the customer knows it by; empty: the beginning of the call's id."""
    password: str = ""
    """Of a container; empty: none. It is kept nowhere."""
    listened: bool = False
    """Somebody has listened to all of it: needed where its record does not know all its pauses."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A copy that was put into the queue."""

    mail: str
    """Its id."""
    address: str
    size: int
    """Bytes of what is attached."""
    duration_ms: int
