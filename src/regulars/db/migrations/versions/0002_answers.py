"""What clients answer, and the emails as they were sent, to be shown in a browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "preferences",
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("paused_until", sa.BigInteger()),
        sa.Column("gap_days", sa.SmallInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_preferences_customer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", name="pk_preferences"),
    )
    op.create_table(
        "layouts",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("html", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_layouts"),
    )
    op.create_table(
        "copies",
        sa.Column("promise_id", KEY, nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("html", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["promise_id"], ["promises.id"], name="fk_copies_promise_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("promise_id", name="pk_copies"),
    )
