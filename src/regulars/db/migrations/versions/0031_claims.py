"""Lost claims are counted by row, so that an email that kills its workers can be told from its neighbours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from regulars.core.ids import message_id, promise_key

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the count, and the cause of an outage; gives Message-IDs to uncertain emails that have none."""
    op.add_column("lane_states", sa.Column("cause", sa.Text()))
    op.add_column("promises", sa.Column("lost_claims", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    few = sa.text("lost_claims > 0")
    op.create_index("ix_promises_lost", "promises", ["id"], postgresql_where=few, sqlite_where=few)
    _name_uncertain()


def _name_uncertain() -> None:
    """Migration 0010 made emails uncertain without a Message-ID, by which a mail server's log has the answer.

    It has the domain of the latest email that has one: where no email ever had one, nothing says which it was.
    """
    connection = op.get_bind()
    latest = "SELECT message_id FROM promises WHERE message_id IS NOT NULL ORDER BY id DESC LIMIT 1"
    domain = str(connection.scalar(sa.text(latest)) or "").rstrip(">").rpartition("@")[2]
    if not domain:
        return
    nameless = connection.execute(
        sa.text(
            "SELECT promises.id, campaign, step, uid, occurrence FROM promises"
            " JOIN customers ON customers.id = customer_id WHERE state = 'uncertain' AND message_id IS NULL"
        )
    ).all()
    named = [{"row": row[0], "name": message_id(promise_key(*row[1:]), domain)} for row in nameless]
    if named:
        connection.execute(sa.text("UPDATE promises SET message_id = :name WHERE id = :row"), named)
