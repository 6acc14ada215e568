"""Tables of purchases and events."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key, Money

purchases = Table(
    "purchases",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("amount", Money),
    Column("currency", Text),
    Column("quantity", Integer),
    Column("discount", Money),
    Column("data", Json, nullable=False, server_default=text("'{}'")),
    Index("ix_purchases_customer", "customer_id", "occurred_at"),
    Index("ix_purchases_occurred", "occurred_at"),
    Index("ix_purchases_received", "received_at"),
)

purchase_lines = Table(
    "purchase_lines",
    metadata,
    Column("purchase_id", Key, ForeignKey("purchases.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product_id", Key, ForeignKey("products.id"), nullable=False, index=True),
    Column("quantity", Integer, nullable=False, server_default=text("1")),
    Column("amount", Money),
)

events = Table(
    "events",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("data", Json, nullable=False, server_default=text("'{}'")),
    Index("ix_events_customer", "customer_id", "name", "occurred_at"),
    Index("ix_events_name", "name", "occurred_at"),
    Index("ix_events_received", "name", "received_at"),
    Index("ix_events_occurred", "occurred_at"),
)
