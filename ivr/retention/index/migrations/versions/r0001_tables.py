"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "agent",
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "place", name=op.f("pk_agent")),
    )
    op.create_index(
        op.f("ix_agent_agent_day_ended_ms_team_call"),
        "agent",
        ["agent", "day", "ended_ms", "team", "call"],
        unique=False,
    )
    op.create_table(
        "case",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("closed", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_case")),
    )
    op.create_table(
        "case_recording",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("ref", "call", name=op.f("pk_case_recording")),
    )
    op.create_index(op.f("ix_case_recording_call"), "case_recording", ["call"], unique=False)
    op.create_table(
        "destroyed",
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_destroyed")),
    )
    op.create_table(
        "dying",
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=False),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_dying")),
    )
    op.create_table(
        "hold",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("placed_ms", sa.BigInteger(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("released", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_hold_call"), "hold", ["call"], unique=False)
    op.create_table(
        "mark",
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "place", name=op.f("pk_mark")),
    )
    op.create_index(
        op.f("ix_mark_mark_day_ended_ms_team_call"),
        "mark",
        ["mark", "day", "ended_ms", "team", "call"],
        unique=False,
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "outgoing",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("queued_ms", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
    )
    op.create_index(op.f("ix_outgoing_call"), "outgoing", ["call"], unique=False)
    op.create_index(
        op.f("ix_outgoing_state_next_ms"), "outgoing", ["state", "next_ms"], unique=False
    )
    op.create_table(
        "particular",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_particular")),
    )
    op.create_index(op.f("ix_particular_call"), "particular", ["call"], unique=False)
    op.create_index(op.f("ix_particular_number"), "particular", ["number"], unique=False)
    op.create_table(
        "recording",
        sa.Column("call", sa.String(length=36), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("record_name", sa.Text(), nullable=False),
        sa.Column("record_sha256", sa.String(length=64), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("tail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_recording")),
    )
    op.create_index(
        op.f("ix_recording_day_ended_ms"), "recording", ["day", "ended_ms"], unique=False
    )
    op.create_index(op.f("ix_recording_number"), "recording", ["number"], unique=False)
    op.create_index(op.f("ix_recording_tail"), "recording", ["tail"], unique=False)
    op.create_index(
        op.f("ix_recording_team_day_ended_ms"),
        "recording",
        ["team", "day", "ended_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_recording_team_policy_day_call"),
        "recording",
        ["team", "policy", "day", "call"],
        unique=False,
    )
