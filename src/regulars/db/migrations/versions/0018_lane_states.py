"""Mail servers that are away and clocks that are off are noted, so that every process can tell of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Makes the tables; processes fill them."""
    op.create_table(
        "lane_states",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("away_since", sa.BigInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.Column("next_try_at", sa.BigInteger()),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name="pk_lane_states"),
    )
    op.create_table(
        "clock_states",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("ahead_seconds", sa.Double(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_clock_states"),
    )
    op.create_table(
        "write_probes",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_write_probes"),
    )
