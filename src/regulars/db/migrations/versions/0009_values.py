"""The values that clients have had, for campaigns that each new value sets off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds the table of values and its index."""
    op.create_table(
        "values_seen",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("baseline", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_values_seen_customer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign", "customer_id", "value", name="pk_values_seen"),
    )
    op.create_index("ix_values_seen_at", "values_seen", ["campaign", "at"])
