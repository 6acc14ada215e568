"""Sound states of the rules and emails are kept, so that a faulty file stops nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables; the first process that plans fills them."""
    op.create_table(
        "workspace_versions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_workspace_versions"),
    )
    op.create_table(
        "file_contents",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_file_contents"),
    )
    op.create_table(
        "workspace_files",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["workspace_versions.digest"], name="fk_workspace_files_version_workspace_versions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["content"], ["file_contents.digest"], name="fk_workspace_files_content_file_contents"),
        sa.PrimaryKeyConstraint("version", "path", name="pk_workspace_files"),
    )  # fmt: skip
    op.create_index("ix_workspace_files_content", "workspace_files", ["content"])
