"""Draws of holdouts are written once, for each mailbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table, and fills it with the draws that the ledger tells of.

    They were drawn as soon as a client was due, when the first promise of an occurrence was made: this is the instant
    of both arms. Before a campaign's first client was held out, and after its last, nobody can say whether there was a
    draw. A mailbox that was drawn more than once, for several clients, has the arm of the first time.
    """
    op.create_table(
        "assignments",
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("mailbox", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_assignments_customer_id"),
        sa.PrimaryKeyConstraint("experiment", "mailbox", name="pk_assignments"),
    )
    op.create_index("ix_assignments_customer", "assignments", ["customer_id", "experiment"])
    op.execute(
        """
        INSERT INTO assignments (experiment, mailbox, arm, at, customer_id)
        WITH spans AS (
            SELECT campaign, min(created_at) AS first_at, max(created_at) AS last_at
            FROM promises WHERE state = 'skipped' AND reason = 'holdout'
            GROUP BY campaign
        ),
        openings AS (
            SELECT promises.*, row_number() OVER (
                PARTITION BY promises.campaign, promises.customer_id, promises.occurrence
                ORDER BY promises.created_at, promises.id
            ) AS place
            FROM promises JOIN spans ON spans.campaign = promises.campaign
        ),
        draws AS (
            SELECT openings.campaign, openings.customer_id, openings.created_at,
                coalesce(customers.email_hash, CAST(customers.id AS text)) AS mailbox,
                CASE WHEN openings.state = 'skipped' AND openings.reason = 'holdout'
                    THEN 'control' ELSE 'written' END AS arm,
                row_number() OVER (
                    PARTITION BY openings.campaign, coalesce(customers.email_hash, CAST(customers.id AS text))
                    ORDER BY openings.created_at, openings.id
                ) AS place
            FROM openings
            JOIN spans ON spans.campaign = openings.campaign
            JOIN customers ON customers.id = openings.customer_id
            WHERE openings.place = 1
                AND openings.created_at BETWEEN spans.first_at AND spans.last_at
                AND NOT (
                    openings.state = 'skipped' AND openings.reason = 'again'
                    AND openings.settled_at = openings.created_at
                )
        )
        SELECT campaign, mailbox, arm, created_at, customer_id FROM draws WHERE place = 1
        """
    )
