"""Lost claims are counted by row, so that an email that kills its workers can be told from its neighbours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the count, and the cause of an outage."""
    op.add_column("lane_states", sa.Column("cause", sa.Text()))
    op.add_column("promises", sa.Column("lost_claims", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    few = sa.text("lost_claims > 0")
    op.create_index("ix_promises_lost", "promises", ["id"], postgresql_where=few, sqlite_where=few)
