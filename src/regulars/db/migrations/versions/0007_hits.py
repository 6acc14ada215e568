"""Clicks on the links of emails, and emails shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNTOLD = sa.text("told = false")


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "hits",
        sa.Column("id", KEY, nullable=False),
        sa.Column("promise_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("link", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sign", sa.Text()),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["promise_id"], ["promises.id"], name="fk_hits_promise_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_hits"),
    )
    op.create_index("ix_hits_promise_id", "hits", ["promise_id"])
    op.create_index("ix_hits_untold", "hits", ["at"], sqlite_where=UNTOLD, postgresql_where=UNTOLD)
