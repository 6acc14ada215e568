"""Tables of products."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key, Money

products = Table(
    "products",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sku", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("category", Text),
    Column("price", Money),
    Column("currency", Text),
    Column("url", Text),
    Column("image_url", Text),
    Column("consumable", Boolean, nullable=False, server_default=text("false")),
    Column("launched_at", Instant),
    Column("attrs", Json, nullable=False, server_default=text("'{}'")),
)

product_links = Table(
    "product_links",
    metadata,
    Column("product_id", Key, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),  # "next" or "accessory"
    Column("target_id", Key, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("rank", Integer, nullable=False, server_default=text("1")),
    Column("after_days", Integer),  # when the next product is usually bought
)
