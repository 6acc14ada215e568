"""Tables of the state of campaigns: campaigns in force, members of states, values seen."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Json, Key

campaigns = Table(
    "campaigns",
    metadata,
    # Activated campaigns, by the key of their promises.
    Column("key", Text, primary_key=True),  # the first name it had
    Column("name", Text, nullable=False, unique=True),  # the name it has now
    Column("rule", Text, nullable=False),  # digest of the whole rule
    Column("trigger", Text, nullable=False),  # digest of what decides who becomes due
    Column("since", Instant, nullable=False),  # nothing due before this is promised
    Column("applied_at", Instant, nullable=False),  # when this trigger came into force
    Column("planned_at", Instant),  # last completed plan: bounds the search, never decides it
    Column("retired_at", Instant),
    Column("expected", Integer),  # of fixed times: the audience when the rule came into force
)

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("source", Json, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

members = Table(
    "members",
    metadata,
    # For `when` campaigns: who is in the state, and since when. Updated by difference. For segments that a
    # `left_segment` asks about, the same under the key `segment:NAME`.
    Column("campaign", Text, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("occurrence", Text, nullable=False),  # names this stay in the state: when it began
    Column("entered_at", Instant, nullable=False),
    Column("left_at", Instant),
    Column("baseline", Boolean, nullable=False),  # already so when the rule came: not mailed
    partial_index("ix_members_entered", "campaign", "entered_at", where="left_at IS NULL AND NOT baseline"),
)

values_seen = Table(
    "values_seen",
    metadata,
    # For `each` campaigns: every value that a client's expression has had, once. A stored value is never new again.
    Column("campaign", Text, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("baseline", Boolean, nullable=False),  # already so when the rule came: not mailed
    Index("ix_values_seen_at", "campaign", "at"),
)
