"""Tables of permissions: suppressions, consent, preferences, sign-ups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, SmallInteger, Table, Text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key

suppressions = Table(
    "suppressions",
    metadata,
    Column("email_hash", Text, primary_key=True),
    Column("scope", Text, nullable=False),  # "all", or "marketing"
    Column("reason", Text, nullable=False),  # bounced, complained, erased, manual
    Column("at", Instant, nullable=False),
    Column("detail", Text),
)

consents = Table(
    "consents",
    metadata,
    # One row per client and topic, the latest decision; topic "marketing" stands for all topics.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("wording", Text),
)

refusals = Table(
    "refusals",
    metadata,
    # Opt-outs of a mailbox: apply to every client with the address (its keyed hash), and outlive them.
    Column("email_hash", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
)

consent_log = Table(
    "consent_log",
    metadata,
    Column("id", Key, primary_key=True),
    Column("customer_id", Key, nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("detail", Json),
)

preferences = Table(
    "preferences",
    metadata,
    # Preferences beyond consent; no row means the defaults.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("paused_until", Instant),  # no marketing before
    Column("gap_days", SmallInteger),  # at most one marketing email in so many days
    Column("at", Instant, nullable=False),
)

signups = Table(
    "signups",
    metadata,
    Column("id", Key, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("wording", Text, nullable=False),  # the text beside the button
    Column("source", Text, nullable=False),  # which form
    Column("locale", Text, nullable=False),
    Column("first_name", Text),
    Column("made_client", Boolean, nullable=False),  # the client was not known before: forgotten if never confirmed
    Column("asked_at", Instant, nullable=False, index=True),
    Column("confirmed_at", Instant),
)
