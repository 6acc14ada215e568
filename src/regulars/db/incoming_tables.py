"""What other programs sent us, as tables."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from regulars.db.metadata import metadata
from regulars.db.types import Instant

deliveries = Table(
    "deliveries",
    metadata,
    # Signed messages that were taken, by the id under which their sender repeats them.
    Column("hook", Text, primary_key=True),
    Column("message", Text, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)
