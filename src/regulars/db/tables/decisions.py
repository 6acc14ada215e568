"""The table of decisions: which way a client takes through the sequence of a campaign, decided once."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, UniqueConstraint

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Key

decisions = Table(
    "decisions",
    metadata,
    # A row is written when a client comes to a step that decides; its branch is written once, by a plan.
    Column("id", Key, primary_key=True),
    Column("campaign", Text, nullable=False),  # the campaign's key, as in promises
    Column("step", Text, nullable=False),  # the `id` of the decision; of a moved client, the step they were moved from
    Column("customer_id", Key, ForeignKey("customers.id"), nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("source_id", Key),  # the event, purchase or product that triggered the sequence
    Column("began_at", Instant, nullable=False),  # when the client came to it
    Column("until_at", Instant, nullable=False),  # when it is decided at the latest
    Column("created_at", Instant, nullable=False),
    Column("branch", Text),  # NULL while the client waits
    Column("at", Instant),  # the instant from which the wait of the next step counts
    Column("decided_at", Instant),  # the plan that decided
    Column("cause", Text),  # what decided it: `event:ID`, `time`, or the condition as it was written
    Column("moved_to", Text),  # after an edit of the rule: the step to come instead, '' for the end
    Column("moved_at", Instant),
    Column("rule", Text, nullable=False),  # digest of the rule version under which the client came to it
    UniqueConstraint("campaign", "step", "customer_id", "occurrence"),
    Index("ix_decisions_customer", "customer_id"),
    Index("ix_decisions_decided", "campaign", "step", "decided_at"),
    partial_index("ix_decisions_open", "campaign", "step", "until_at", where="branch IS NULL"),
    partial_index("ix_decisions_moved", "campaign", "moved_to", where="moved_to IS NOT NULL"),
)
