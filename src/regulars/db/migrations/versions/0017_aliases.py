"""Several outside ids may name one client, and every client has a lasting id of our own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table of aliases and gives every client a lasting id.

    That of a client who is there is the outside id, so that an email tried before and after has one Message-ID.
    """
    op.create_table(
        "aliases",
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_aliases_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("external_id", name="pk_aliases"),
    )
    op.create_index("ix_aliases_customer_id", "aliases", ["customer_id"])
    # SQLite adds no column that must not be null without a default.
    op.add_column("customers", sa.Column("uid", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE customers SET uid = external_id")
    op.create_index("uq_customers_uid", "customers", ["uid"], unique=True)
