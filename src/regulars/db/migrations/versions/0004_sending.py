"""A claim says which of its rows are being sent; the work lists are in the order in which they are worked through."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows that are `sending` while this runs become `uncertain`: no worker of the old version can settle them."""
    op.add_column("claims", sa.Column("sending", sa.JSON().with_variant(JSONB(), "postgresql")))
    op.execute(
        "UPDATE promises SET state = 'uncertain', reason = 'worker-lost', settled_at = next_at WHERE state = 'sending'"
    )
    for name in ("ix_promises_open", "ix_promises_claim", "ix_promises_message"):
        op.drop_index(name, table_name="promises")
    _partial("ix_promises_held", ["next_at"], "state = 'held'")
    _partial("ix_promises_planned", [sa.text("priority DESC"), "next_at", "id"], "state = 'planned'")
    _partial("ix_promises_claim", ["claim_id"], "state = 'claimed'")
    _partial("ix_promises_message", ["message_id"], "message_id IS NOT NULL")
    op.create_index("ix_customers_timezone", "customers", ["timezone"])


def _partial(name: str, columns: Sequence[str | sa.TextClause], where: str) -> None:
    op.create_index(name, "promises", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
