"""What is asked of the queue of mails, and what it tells (R15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

MailState = Literal["waiting", "sending", "sent", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a recording that is to be mailed."""

    call: str
    who: str
    """The person's user who sends it; the audit trail names them at each end."""
    address: str
    """The customer's, typed twice."""
    language: str
    """Of the mail's text."""
    reference: str
    """What the customer knows the call by."""
    day: date
    """On which the call was, by the site's zone."""
    team: str
    file: Path
    """What is attached: an encoded copy, or a container. Read at once; its owner removes it."""
    protected: bool = False
    """It has a password."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail of the queue."""

    id: str
    call: str
    state: MailState
    who: str
    address: str
    language: str
    tries: int
    next_ms: int
    """When it is tried next; milliseconds since 1970."""
    queued_ms: int
    told: str
    """What the server said last, on one line."""
    file: str = ""
    """Below the queue's folder; empty once it was sent or given up."""


@dataclass(frozen=True, slots=True)
class Mails:
    """How the queue stands, for metrics."""

    by_state: dict[MailState, int]
    oldest_ms: int
    """When the mail that waits longest was asked for; 0 where none waits."""
    alarm: bool
    """The server as such is wrong (certificate, login, no STARTTLS): nothing is sent."""
