"""A restored backup holds what the lost database may have sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table, empty."""
    op.create_table(
        "restorations",
        sa.Column("id", KEY, nullable=False),
        sa.Column("backup_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text()),
        sa.Column("released_at", sa.BigInteger()),
        sa.Column("released_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_restorations"),
    )
    still = sa.text("released_at IS NULL")
    op.create_index("ix_restorations_open", "restorations", ["id"], sqlite_where=still, postgresql_where=still)
