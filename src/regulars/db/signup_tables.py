"""Who asked for our emails by a form, and has perhaps not confirmed it yet, as a table."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text

from regulars.db.metadata import metadata
from regulars.db.types import Instant, Key

signups = Table(
    "signups",
    metadata,
    Column("id", Key, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("wording", Text, nullable=False),  # the text that stood beside the button
    Column("source", Text, nullable=False),  # which form
    Column("locale", Text, nullable=False),
    Column("first_name", Text),
    Column("made_client", Boolean, nullable=False),  # the client was not known before: forgotten if never confirmed
    Column("asked_at", Instant, nullable=False, index=True),
    Column("confirmed_at", Instant),
)
