"""What may stand in retention.yaml: the retention layer on this host (R12 to R18, R20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ivr.config.addresses import AddressText, Host
from ivr.config.kinds import Duration, Kind, Size
from ivr.config.kinds_retention import (
    ArchivePlace,
    Endpoint,
    IndexUrl,
    Mailbox,
    PeriodText,
    Recipient,
)
from ivr.config.schema.site import Folder, Log
from ivr.config.strict import Strict
from ivr.config.times import TimeZone

_File = Annotated[str, Kind(expected="a file")]


class S3(Strict):
    """How the object storage of the archive is reached."""

    endpoint: Annotated[str, Endpoint()] | None = None
    """Where it answers; Amazon's own where nothing is said."""
    region: Annotated[str, Kind(expected="a region", pattern="[a-z0-9-]{1,64}")] | None = None
    """Its region."""
    credentials: _File | None = None
    """A file with aws_access_key_id and aws_secret_access_key, as Amazon's tools have it, relative
    to this file; what boto3 finds by itself where nothing is said."""


class Sealing(Strict):
    """Encryption of the archive with age, so that this host cannot read what it archived."""

    recipients: Annotated[list[Annotated[str, Recipient()]], Field(min_length=1, max_length=20)]
    """The public keys: whoever has the secret key of one can read the recordings."""
    index_key: _File | None = None
    """A file with 32 random bytes or more, with which the index hashes numbers; required where the
    index lies on this host."""
    identity: _File | None = None
    """The secret key, where people listen on this host; it need not exist. Best nowhere near it."""


class Mail(Strict):
    """The mail server for copies to customers."""

    host: Annotated[str, Host()]
    """The mail server; best as its certificate names it."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port; 587 with starttls, 465 with tls and 25 with none where nothing is said."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How what is sent is encrypted; none only for a server on this host."""
    user: Annotated[str, Kind(expected="the user's name at the mail server")] | None = None
    """The user to log in as; no login where nothing is said."""
    password_file: _File | None = None
    """A file that holds the user's password and nothing else, relative to this file."""
    sender: Annotated[str, Mailbox()]
    """The address that copies come from, and that answers and failures go to."""
    timeout: Annotated[str, Duration(least="1s", most="10m")] = "60s"
    """How long the mail server may be silent."""
    largest: Annotated[str, Size(least="100KB", most="1GB")] = "20MB"
    """The largest message that is sent, with what mail adds to the file (a third)."""
    give_up: Annotated[str, Duration(least="1m", most="240h")] = "48h"
    """How long a mail that the server puts off is tried again."""
    ca_file: _File | None = None
    """Certificates (PEM) of who may vouch for the server, besides those that this host trusts."""
    templates: Folder = "mail"
    """The folder with the texts of mails, one file a language."""
    format: Literal["mp3", "opus", "wav"] = "mp3"
    """What copies are sent as where nobody chooses."""


class Checkpoints(Strict):
    """Signed check-points of the audit trail."""

    key: _File | None = None
    """The key that signs them, which `ivr audit key` makes; none are made where nothing is said."""
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """A check-point is made after so many entries, and at each sweep."""
    copies: Folder | None = None
    """A folder that has a copy of each; best one that lies elsewhere."""


class RetentionHttp(Strict):
    """Metrics and health of the retention layer over HTTP."""

    listen: Annotated[str, AddressText()] = "127.0.0.1:9185"
    """Where Prometheus scrapes, host:port; keep it on loopback."""


class RetentionFile(Strict):
    """deploy/retention.yaml: the retention layer on this host. Relative paths are relative to the
    file."""

    spools: Annotated[list[Folder], Field(min_length=1, max_length=16)]
    """The spools that recordings are taken out of: the engine's `spool`, and others."""
    state: Folder
    """Where the audit trail, mails that wait and what was set aside are, for the service alone."""
    time_zone: Annotated[str, TimeZone()]
    """By whose clock a day begins and ends."""
    archive: Annotated[str, ArchivePlace()] | None = None
    """The folder of the recordings, or s3://bucket/prefix; `archive` in `state` where nothing is
    said."""
    s3: S3 | None = None
    """How the object storage of the archive is reached."""
    format: Literal["wav", "flac", "opus"] = "flac"
    """What recordings are kept as: wav and flac are bit for bit what was recorded; opus is a tenth
    of it, and is not."""
    sealing: Sealing | None = None
    """Encryption of the archive; none where nothing is said."""
    index: Annotated[str, IndexUrl()] | None = None
    """The database of recordings, cases and holds: sqlite:/// and a file, or postgresql://, without
    a password; `index.sqlite` in `state` where nothing is said."""
    index_password_file: _File | None = None
    """A file that holds the database's password and nothing else, relative to this file."""
    socket: Annotated[str, Kind(expected="a path")] | None = None
    """Where people's commands reach the service; `socket` in `state` where nothing is said."""
    http: RetentionHttp = RetentionHttp()
    """Metrics and health over HTTP."""
    mail: Mail | None = None
    """The mail server for copies to customers; none are sent where nothing is said."""
    schedule: _File = "schedule.yaml"
    """The file that says how long what is kept."""
    access: _File = "access.yaml"
    """The file that says who may what."""
    log: Log = Log()
    """What the log looks like."""
    checkpoints: Checkpoints = Checkpoints()
    """Signed check-points of the audit trail."""
    aside_keep: Annotated[str, PeriodText()] = "6 months"
    """How long what was set aside as damaged is kept."""
