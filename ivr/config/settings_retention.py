"""What the retention layer is given: checked, resolved, frozen (R12 to R18, R20)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from ivr.config.addresses import Address
from ivr.config.settings import LogSettings
from ivr.core.access import Access
from ivr.core.schedule import Period, Schedule

Format = Literal["wav", "flac", "opus"]
CopyFormat = Literal["mp3", "opus", "wav"]
Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket of S3-compatible object storage."""

    bucket: str
    prefix: str = ""
    """Before every name, without a slash at its ends; empty is none."""
    endpoint: str | None = None
    """None is Amazon's own."""
    region: str | None = None
    credentials: Path | None = None
    """A shared-credentials file; None is what boto3 finds by itself."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """Encryption of the archive with age."""

    recipients: tuple[str, ...]
    """Public keys, ``age1…``."""
    index_key: Path | None = None
    """32 random bytes or more, with which the index hashes numbers."""
    identity: Path | None = None
    """The secret key; it need not be there."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The mail server for copies to customers (R15)."""

    host: str
    port: int
    security: Security
    user: str
    """Empty: no login."""
    password: str = field(repr=False)
    """Kept out of logs."""
    sender: str
    timeout_s: float
    largest: int
    """Bytes of a whole message at most."""
    give_up_ms: int
    ca_file: Path | None
    """Certificates besides those that the host trusts."""
    templates: Path
    format: CopyFormat


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Signed check-points of the audit trail (R17)."""

    key: Path | None = None
    """The signing key; None makes none."""
    every: int = 1000
    """Entries from one to the next."""
    copies: Path | None = None


@dataclass(frozen=True, slots=True)
class RetentionSite:
    """The retention layer on this host: ``deploy/retention.yaml``, with absolute paths."""

    file: Path
    spools: tuple[Path, ...]
    archive: Path | S3Place
    index: str = field(repr=False)
    """A URL for SQLAlchemy, with the password in it; kept out of logs."""
    state: Path
    socket: Path
    http: Address
    """Of metrics and health; port 0 is any that is free."""
    zone: ZoneInfo
    format: Format
    sealing: Sealing | None
    mail: MailSettings | None
    schedule: Path
    access: Path
    log: LogSettings
    checkpoints: Checkpoints
    aside_keep: Period


@dataclass(frozen=True, slots=True)
class RetentionConfiguration:
    """All that the three files say."""

    site: RetentionSite
    schedule: Schedule
    access: Access
    tokens: Path | None = None
    """The hashed tokens of programs that ask for people; None: there are none."""
