"""Segments: no new table. Who is in one, and since when, are rows of `members` under a key of their own."""

from __future__ import annotations

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """`members` holds them as it is."""
