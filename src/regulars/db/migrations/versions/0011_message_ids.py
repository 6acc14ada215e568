"""No index of Message-IDs: nothing looks a promise up by one, and each email that is sent would write to it."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drops the index."""
    op.drop_index("ix_promises_message", table_name="promises")
