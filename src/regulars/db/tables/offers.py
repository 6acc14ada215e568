"""Tables of offers: points and levels, coupons, and unassigned codes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint, text

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Json, Key, Money

points_tariff = Table(
    "points_tariff",
    metadata,
    # One row: the points tariff in force. Without it only events give points.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("per_currency_unit", Money, nullable=False),
    Column("per_visit", Integer, nullable=False),
    Column("per_referral", Integer, nullable=False),
)

point_levels = Table(
    "point_levels",
    metadata,
    Column("least", BigInteger, primary_key=True, autoincrement=False),  # points earned that open it
    Column("name", Text, nullable=False),
)

coupons = Table(
    "coupons",
    metadata,
    Column("id", Key, primary_key=True),
    Column("code", Text, nullable=False, index=True),
    # One code for the whole sequence: the reminder shows the code that the first email gave.
    Column("campaign", Text, nullable=False),
    Column("customer_id", Key, ForeignKey("customers.id"), nullable=False, index=True),
    Column("occurrence", Text, nullable=False),
    Column("shared", Boolean, nullable=False, server_default=text("false")),  # others have this code too
    Column("offer", Json, nullable=False),  # {"percent": 50}, {"amount": "10"}, {"service": "…"} or {"gift": "…"}
    Column("uses", Integer, nullable=False),
    Column("used", Integer, nullable=False, server_default=text("0")),
    Column("given_at", Instant, nullable=False),
    Column("valid_from", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("redeemed_at", Instant),
    Column("variant", Text),  # whose own offer it is; NULL: the campaign's
    UniqueConstraint("campaign", "customer_id", "occurrence"),
    # Whatever two workers do at once, a personal code is never given to two clients.
    partial_index("uq_coupons_own_code", "code", unique=True, where="NOT shared"),
)

coupon_codes = Table(
    "coupon_codes",
    metadata,
    # Codes made elsewhere (a till, a shop), assigned one by one in order of import.
    Column("id", Key, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("pool", Text, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("given_at", Instant),
    partial_index("ix_coupon_codes_free", "pool", "id", where="given_at IS NULL"),
)
