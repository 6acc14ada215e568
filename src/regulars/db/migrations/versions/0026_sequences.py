"""Decisions of sequences are rows of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table; sequences had no decisions before."""
    op.create_table(
        "decisions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("source_id", KEY),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("branch", sa.Text()),
        sa.Column("at", sa.BigInteger()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("cause", sa.Text()),
        sa.Column("moved_to", sa.Text()),
        sa.Column("moved_at", sa.BigInteger()),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_decisions_customer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint(
            "campaign", "step", "customer_id", "occurrence", name="uq_decisions_campaign_step_customer_id_occurrence"
        ),
    )
    op.create_index("ix_decisions_customer", "decisions", ["customer_id"])
    op.create_index("ix_decisions_decided", "decisions", ["campaign", "step", "decided_at"])
    for name, columns, where in (
        ("ix_decisions_open", ["campaign", "step", "until_at"], sa.text("branch IS NULL")),
        ("ix_decisions_moved", ["campaign", "moved_to"], sa.text("moved_to IS NOT NULL")),
    ):
        op.create_index(name, "decisions", columns, sqlite_where=where, postgresql_where=where)
