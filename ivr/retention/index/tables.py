"""The tables of the index: SQLite by default, PostgreSQL by URL.

The columns that hold a customer's data are ``recording.number``, ``recording.tail``,
``particular.text``, ``particular.number`` and those of ``outgoing``: all of them go when the
recording is destroyed (R14). Where the site seals its archive, ``number`` and ``tail`` hold keyed
hashes (:mod:`ivr.retention.index.numbers`). Days are ISO 8601 text, moments are milliseconds
since 1970.

Alembic makes the tables (``migrations/``); a test holds the two to each other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

recording = Table(
    "recording",
    metadata,
    Column("call", String(36), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("team", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ended", Text, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("record_name", Text, nullable=False),
    Column("record_sha256", String(64), nullable=False),
    Column("format", Text, nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("parts", Text, nullable=False),
    # One line a part: name, size, sha256, with a space between.
    Column("number", Text, nullable=False),
    # The customer's number: its digits, or a keyed hash.
    Column("tail", Text, nullable=False),
    # The digits backwards, so that the last ones are a prefix; or a keyed hash of the last four.
    Index(None, "number"),
    Index(None, "tail"),
    Index(None, "day", "ended_ms"),
    Index(None, "team", "day", "ended_ms"),
    # For the planner, which looks at nothing else: it reads this index alone.
    Index(None, "team", "policy", "day", "call"),
)

agent = Table(
    "agent",
    metadata,
    Column("call", String(36), nullable=False),
    Column("agent", Text, nullable=False),
    Column("place", Integer, nullable=False),
    # These as in recording: their latest calls, and those of a team, are found without the others.
    Column("day", String(10), nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("team", Text, nullable=False),
    PrimaryKeyConstraint("call", "place"),
    Index(None, "agent", "day", "ended_ms", "team", "call"),
)
"""Extensions of staff who had a call, in order."""

mark = Table(
    "mark",
    metadata,
    Column("call", String(36), nullable=False),
    Column("mark", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("day", String(10), nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("team", Text, nullable=False),
    PrimaryKeyConstraint("call", "place"),
    Index(None, "mark", "day", "ended_ms", "team", "call"),
)
"""Marks on a call, in order."""

case = Table(
    "case",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("closed", String(10), nullable=True),
)

case_recording = Table(
    "case_recording",
    metadata,
    Column("ref", Text, nullable=False),
    Column("call", String(36), nullable=False),
    PrimaryKeyConstraint("ref", "call"),
    Index(None, "call"),
)

hold = Table(
    "hold",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("call", String(36), nullable=False),
    Column("kind", Text, nullable=False),
    Column("placed_ms", BigInteger, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("released", String(10), nullable=True),
    Index(None, "call"),
    # The number of a hold is in the audit trail: it is never that of another one.
    sqlite_autoincrement=True,
)

dying = Table(
    "dying",
    metadata,
    Column("call", String(36), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("due", String(10), nullable=False),
    Column("after_seq", BigInteger, nullable=False),
)
"""Recordings whose destruction has been decided and is not finished. From here on nothing can hold
them. ``after_seq`` is the last entry of the audit trail before: whether its destruction was
written there is looked for after it."""

destroyed = Table(
    "destroyed",
    metadata,
    Column("call", String(36), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("rule", Text, nullable=False),
)
"""What is left: a call that comes once more out of a spool is known and not kept again. ``day`` is
that of its destruction."""

particular = Table(
    "particular",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("call", String(36), nullable=False),
    Column("number", Text, nullable=False),
    # As recording.number; empty where the entry concerns no number.
    Column("salt", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "call"),
    Index(None, "number"),
)
"""The particulars of entries of the audit trail, which holds their salted hashes alone."""

outgoing = Table(
    "outgoing",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("call", String(36), nullable=False),
    Column("state", Text, nullable=False),
    # waiting, sending, sent, failed, unknown
    Column("sender", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("file", Text, nullable=False),
    # Below the folder of the queue; empty once it was sent or given up.
    Column("tries", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("queued_ms", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
    # What the server said last.
    Index(None, "state", "next_ms"),
    Index(None, "call"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""``id`` (of this index), ``seen_ms`` (the latest clock), ``schedule`` (the one adopted, JSON),
``audit_head`` (``<seq> <hash>`` of the last entry known to be on disk), ``swept_ms``,
``unforgotten`` (a day: what was destroyed then may have left copies in the database's pages)."""
