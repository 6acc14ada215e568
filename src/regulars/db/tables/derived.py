"""Tables of data derived from purchases and events: facts of clients, and learned models."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, Table, Text, text

from regulars.db.tables._metadata import metadata
from regulars.db.types import Instant, Json, Key, Money

facts = Table(
    "facts",
    metadata,
    # Derived from a customer's purchases and events; profile.facts defines and refreshes every column.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("purchases", Integer, nullable=False),
    Column("spent", Money, nullable=False),
    Column("first_purchase_at", Instant),
    Column("last_purchase_at", Instant),
    Column("rhythm", Double),  # days between purchases, the mean; null below two purchases
    Column("next_product_id", Key),
    Column("next_product_at", Instant),
    Column("days", Integer, nullable=False, server_default=text("0")),  # UTC days with a purchase
    Column("stage", Text, nullable=False, server_default=text("'potential'")),
    Column("motivation", Text),  # the highest of the four scores, each from 0 to 1
    Column("price_score", Double, nullable=False, server_default=text("0")),
    Column("novelty_score", Double, nullable=False, server_default=text("0")),
    Column("belonging_score", Double, nullable=False, server_default=text("0")),
    Column("stability_score", Double, nullable=False, server_default=text("0")),
    Column("sci", Double),
    Column("nps", Double),
    Column("accessories_missing", Integer, nullable=False, server_default=text("0")),
    Column("points", BigInteger, nullable=False, server_default=text("0")),
    Column("points_earned", BigInteger, nullable=False, server_default=text("0")),
    Column("level", Text),  # its name; null below the first
    Column("next_level", Text),
    Column("points_to_next_level", BigInteger),
)

learned_links = Table(
    "learned_links",
    metadata,
    Column("product_id", Key, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("target_id", Key, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("strength", Integer, nullable=False),  # in millionths, so that sums are exact
    Column("support", Integer, nullable=False),
    Column("lift", Double, nullable=False),
    Column("after_days", Integer),
)

next_product_model = Table(
    "next_product_model",
    metadata,
    # One row, the latest: the selected method (order, common, again, popular), and how all did in the last two months.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("method", Text, nullable=False),
    Column("trials", Json, nullable=False),
    Column("learned_at", Instant, nullable=False),
)

popular_products = Table(
    "popular_products",
    metadata,
    # Offered to clients without a learned link; empty where the methods could not be compared.
    Column("product_id", Key, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("clients", Integer, nullable=False),  # who bought it within the last month
    Column("after_days", Integer),  # the usual days between two visits of a client
)

return_times = Table(
    "return_times",
    metadata,
    # Of the clients who bought again, the share that had done so this many days after a purchase.
    Column("visit", Integer, primary_key=True, autoincrement=False),  # 1: after the first day of purchase, 2: later
    Column("days", Integer, primary_key=True, autoincrement=False),
    Column("share", Double, nullable=False),
)

buying_model = Table(
    "buying_model",
    metadata,
    # One row, the latest: BG/NBD in weeks (r, alpha, a, b) and gamma-gamma in money (p, q, v).
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("r", Double, nullable=False),
    Column("alpha", Double, nullable=False),
    Column("a", Double, nullable=False),
    Column("b", Double, nullable=False),
    Column("p", Double),
    Column("q", Double),
    Column("v", Double),
    Column("clients", Integer, nullable=False),
    Column("learned_at", Instant, nullable=False),
)

worth = Table(
    "worth",
    metadata,
    # What a client is expected to spend in the year after `at`; a query of a past day also sees the latest.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("clv", Double, nullable=False),
    Column("at", Instant, nullable=False),
    Column("purchases", Integer, nullable=False),  # its input: shows when it is out of date
    Column("spent", Money, nullable=False),
)
