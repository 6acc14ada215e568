"""A version keeps the numbers of emails that a person saw and approved when it was applied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; versions applied before have none."""
    op.add_column("applied_versions", sa.Column("shown", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")))
    op.add_column("applied_versions", sa.Column("shown_until", sa.BigInteger()))
