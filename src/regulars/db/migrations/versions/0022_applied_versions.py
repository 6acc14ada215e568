"""Versions are applied by a person, and what people did is recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Makes the tables. The version that is in force counts as the first one applied, by itself (`automatic`)."""
    op.create_table(
        "applied_versions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("git_commit", sa.Text(), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=True),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("campaigns", JSON, nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["version"], ["workspace_versions.digest"], name="fk_applied_versions_version"),
        sa.PrimaryKeyConstraint("id", name="pk_applied_versions"),
    )
    op.create_index("ix_applied_versions_version", "applied_versions", ["version"])
    op.execute(
        """
        INSERT INTO applied_versions (version, at, mode, how, release)
        SELECT digest, at, 'automatic', 'saved', '0.1' FROM workspace_versions ORDER BY at DESC, digest LIMIT 1
        """
    )
    op.create_table(
        "audit_log",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("customer_id", KEY, nullable=True),
        sa.Column("email_hash", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("ix_audit_log_customer_id", "audit_log", ["customer_id"])
