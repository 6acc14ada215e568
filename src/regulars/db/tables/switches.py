"""Tables of what stops emails: pauses by hand and by guards."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Text, text

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Json, Key

switches = Table(
    "switches",
    metadata,
    # One row for each pause; never deleted, so that a higher number is a later pause. Instants are by the wall clock.
    Column("id", Key, primary_key=True),
    Column("scope", Text, nullable=False),  # ledger.switches.Scope
    Column("target", Text, nullable=False),  # the key of a campaign or the name of a lane; empty for all
    Column("kinds", Json, nullable=False),  # the kinds of email of a lane
    Column("since", Instant, nullable=False),
    Column("who", Text, nullable=False),  # core.operator_name.operator, `key NAME`, or `guard`
    Column("why", Text),
    Column("by_guard", Boolean, nullable=False, server_default=text("false")),
    Column("resumed_at", Instant),  # NULL: it still stops
    Column("resumed_by", Text),
    partial_index("uq_switches_open", "scope", "target", where="resumed_at IS NULL", unique=True),
    partial_index("ix_switches_open", "id", where="resumed_at IS NULL"),
)
