"""Coupons of a variant's own offer say whose they are, so that each variant has its own stock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; all coupons given before are of the campaigns' own offers."""
    op.add_column("coupons", sa.Column("variant", sa.Text()))
