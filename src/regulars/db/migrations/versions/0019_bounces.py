"""What comes back from mail servers is recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table; doors fill it."""
    op.create_table(
        "notifications",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("promise_id", KEY),
        sa.Column("campaign", sa.Text()),
        sa.Column("email_hash", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column("code", sa.SmallInteger()),
        sa.Column("words", sa.Text()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("forgiven", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("waits", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["promise_id"], ["promises.id"], name="fk_notifications_promise_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.UniqueConstraint("digest", name="uq_notifications_digest"),
    )
    for column in ("promise_id", "email_hash", "received_at"):
        op.create_index(f"ix_notifications_{column}", "notifications", [column])
    _partial("ix_notifications_unknown", ["received_at"], "promise_id IS NULL")
    _partial("ix_notifications_waiting", ["received_at"], "waits = true")
    _partial("ix_notifications_campaign", ["campaign", "kind", "received_at"], "campaign IS NOT NULL")


def _partial(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "notifications", columns, sqlite_where=condition, postgresql_where=condition)
