"""The clients to whom something happened since the last plan, and the state of planning.

The triggers that fill the first table are made anew at the end of every upgrade (`db.touched`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables, empty: the next plan asks every client."""
    op.create_table("touched_clients", sa.Column("customer_id", KEY))
    op.create_table(
        "plan_states",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.Column("audited_at", sa.BigInteger()),
        sa.Column("missed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("missed_of", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_plan_states"),
    )
    inside = sa.text("left_at IS NULL AND NOT baseline")
    op.create_index(
        "ix_members_entered", "members", ["campaign", "entered_at"], sqlite_where=inside, postgresql_where=inside
    )
