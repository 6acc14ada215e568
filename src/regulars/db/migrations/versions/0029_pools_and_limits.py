"""Pools of mail servers, their warm-up, and limits by receiving domain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables; workers fill them. A promise gets its provider once limits are in force."""
    op.create_table(
        "server_states",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("away_since", sa.BigInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("next_try_at", sa.BigInteger()),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server", name="pk_server_states"),
    )
    op.create_table(
        "server_days",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("allowed", sa.Integer()),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server", "day", name="pk_server_days"),
    )
    op.create_table(
        "mail_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_mail_domains"),
    )
    op.create_index("ix_mail_domains_expires_at", "mail_domains", ["expires_at"])
    op.create_table(
        "domain_limits",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("per_second", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_domain_limits"),
    )
    op.add_column("promises", sa.Column("provider", sa.Text(), nullable=False, server_default=sa.text("''")))
    condition = sa.text("state = 'planned' AND provider <> ''")
    op.create_index(
        "ix_promises_provider",
        "promises",
        ["provider", sa.text("priority DESC"), "next_at", "id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
