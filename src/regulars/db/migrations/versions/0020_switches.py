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
    """Makes the table, empty: nothing is paused."""
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
