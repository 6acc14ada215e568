"""Tables of what stops emails: pauses by hand and by guards, what guards count, canaries, and restored backups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

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

due_tallies = Table(
    "due_tallies",
    metadata,
    # How many emails of a campaign became due on a day, for the guard of volume.
    Column("campaign", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # of the company's calendar, as 2026-06-10
    Column("number", Integer, nullable=False),
    Column("counted", Integer, nullable=False),  # of these, since the guard was last armed
)

outcome_tallies = Table(
    "outcome_tallies",
    metadata,
    # What came of the emails of a campaign in one batch, for the guards; only added, old rows are deleted.
    Column("id", Key, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("sent", Integer, nullable=False),  # accepted, or perhaps accepted
    Column("failed", Integer, nullable=False),
    Column("addresses_refused", Integer, nullable=False),  # refused because the address does not exist
    Column("render_errors", Integer, nullable=False),
    Index("ix_outcome_tallies_campaign", "campaign", "at"),
    Index("ix_outcome_tallies_lane", "lane", "at"),
    Index("ix_outcome_tallies_at", "at"),
)

canaries = Table(
    "canaries",
    metadata,
    # A new or changed campaign of which a few emails go first.
    Column("id", Key, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("rule", Text, nullable=False),  # digest of the rule version
    Column("size", Integer, nullable=False),
    Column("wait_seconds", Integer, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("over_at", Instant),  # NULL: the rest waits
    Index("ix_canaries_campaign", "campaign", "rule"),
    partial_index("uq_canaries_open", "campaign", where="over_at IS NULL", unique=True),
)

canary_samples = Table(
    "canary_samples",
    metadata,
    # The emails that go first.
    Column("promise_id", Key, ForeignKey("promises.id", ondelete="CASCADE"), primary_key=True),
    Column("canary_id", Key, ForeignKey("canaries.id"), nullable=False, index=True),
)

restorations = Table(
    "restorations",
    metadata,
    # A backup that was put back: what the lost database may have sent waits until somebody releases it.
    Column("id", Key, primary_key=True),
    Column("backup_at", Instant, nullable=False),  # the last instant that the backup knows
    Column("until", Instant, nullable=False),  # when the restored database went to work
    Column("who", Text, nullable=False),  # core.operator_name.operator
    Column("why", Text),
    Column("released_at", Instant),  # NULL: it still holds
    Column("released_by", Text),
    partial_index("ix_restorations_open", "id", where="released_at IS NULL"),
)
