"""What is in a worker's hands stands in its claim, and no longer in each promise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


_BEGUN = {
    "postgresql": (
        "UPDATE promises SET state = 'uncertain', reason = 'worker-lost', settled_at = next_at"
        " WHERE state = 'claimed' AND id IN (SELECT jsonb_array_elements_text(sending)::bigint"
        " FROM claims WHERE jsonb_typeof(sending) = 'array')"
    ),
    "sqlite": (
        "UPDATE promises SET state = 'uncertain', reason = 'worker-lost', settled_at = next_at"
        " WHERE state = 'claimed' AND id IN (SELECT value"
        " FROM claims, json_each(claims.sending) WHERE json_type(claims.sending) = 'array')"
    ),
}


def upgrade() -> None:
    """Ends every claim as if its lease had run out: no worker of the old version can begin or settle anything."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(_BEGUN[op.get_bind().dialect.name])
    op.execute("UPDATE promises SET state = 'planned', claim_id = NULL WHERE state = 'claimed'")
    op.execute("DELETE FROM claims")
    op.drop_index("ix_promises_claim", table_name="promises")
    op.drop_column("claims", "sending")
    keys = sa.JSON().with_variant(ARRAY(sa.BigInteger()), "postgresql")
    op.add_column("claims", sa.Column("sending", keys))
    # The table is empty; SQLite adds no column that must not be null without a default.
    op.add_column("claims", sa.Column("rows", keys, nullable=False, server_default=None if postgresql else "[]"))
