"""The table of what people did: applied, rolled back, paused, suppressed, erased, merged, made keys."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Key

audit_log = Table(
    "audit_log",
    metadata,
    # Lines are added, never changed or deleted; erasure alone empties `why` and `subject` of lines about that client.
    Column("id", Key, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),  # core.operator_name.operator, or `key NAME` for a program
    Column("action", Text, nullable=False),  # ledger.audit.Action
    Column("subject", Text),  # what it was done to: a version, a campaign, a client's outside id, the name of a key
    Column("customer_id", Key, index=True),  # no foreign key: the line outlives the client
    Column("email_hash", Text),  # the keyed hash of an address; the address itself is never in this table
    Column("why", Text),
    Index("ix_audit_log_at", "at"),
)
