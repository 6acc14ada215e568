"""A no holds for the mailbox: what was refused is kept by the address's hash too, whoever else has the address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table, and fills it with every no that a client with an address has said."""
    op.create_table(
        "refusals",
        sa.Column("email_hash", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("email_hash", "topic", name="pk_refusals"),
    )
    op.execute(
        """
        INSERT INTO refusals (email_hash, topic, at, source)
        SELECT customers.email_hash, consents.topic, min(consents.at), min(consents.source)
        FROM consents JOIN customers ON customers.id = consents.customer_id
        WHERE NOT consents.granted AND customers.email_hash IS NOT NULL
        GROUP BY customers.email_hash, consents.topic
        """
    )
