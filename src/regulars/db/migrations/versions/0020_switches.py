"""Campaigns and lanes can be paused, and guards stop them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Makes the tables, empty: nothing is paused, and rules that are in force need no canary."""
    op.create_table(
        "switches",
        sa.Column("id", KEY, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text()),
        sa.Column("by_guard", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("resumed_at", sa.BigInteger()),
        sa.Column("resumed_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_switches"),
    )
    still = sa.text("resumed_at IS NULL")
    for name, columns, unique in (
        ("uq_switches_open", ["scope", "target"], True),
        ("ix_switches_open", ["id"], False),
    ):
        op.create_index(name, "switches", columns, unique=unique, sqlite_where=still, postgresql_where=still)
    op.create_table(
        "due_tallies",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "day", name="pk_due_tallies"),
    )
    op.create_table(
        "outcome_tallies",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("addresses_refused", sa.Integer(), nullable=False),
        sa.Column("render_errors", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outcome_tallies"),
    )
    op.create_index("ix_outcome_tallies_campaign", "outcome_tallies", ["campaign", "at"])
    op.create_index("ix_outcome_tallies_lane", "outcome_tallies", ["lane", "at"])
    op.create_index("ix_outcome_tallies_at", "outcome_tallies", ["at"])
    _canaries()


def _canaries() -> None:
    op.create_table(
        "canaries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("wait_seconds", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("over_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_canaries"),
    )
    op.create_index("ix_canaries_campaign", "canaries", ["campaign", "rule"])
    still = sa.text("over_at IS NULL")
    op.create_index(
        "uq_canaries_open", "canaries", ["campaign"], unique=True, sqlite_where=still, postgresql_where=still
    )
    op.create_table(
        "canary_samples",
        sa.Column("promise_id", KEY, nullable=False),
        sa.Column("canary_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["promise_id"], ["promises.id"], name="fk_canary_samples_promise_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["canary_id"], ["canaries.id"], name="fk_canary_samples_canary_id"),
        sa.PrimaryKeyConstraint("promise_id", name="pk_canary_samples"),
    )
    op.create_index("ix_canary_samples_canary_id", "canary_samples", ["canary_id"])
