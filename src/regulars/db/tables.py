"""Every table of Regulars. Migrations under `migrations/` bring a database to this shape.

The ledger (`promises`) refers to customers but to no rule: history outlives the rule that made it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from regulars.db.hit_tables import hits
from regulars.db.incoming_tables import deliveries
from regulars.db.metadata import metadata
from regulars.db.offer_tables import coupon_codes, coupons, point_levels, points_tariff
from regulars.db.signup_tables import signups
from regulars.db.types import Instant, Json, Key, Keys, Money

__all__ = [
    "buckets", "buying_model", "campaigns", "claims", "consent_log", "consents", "copies", "coupon_codes",
    "coupons", "customers", "deliveries", "events", "facts", "hits", "layouts", "learned_links", "managers", "members",
    "metadata", "point_levels", "points_tariff", "preferences", "product_links", "products", "promises",
    "purchase_lines", "purchases", "rule_versions", "signups", "suppressions", "worth",
]  # fmt: skip


def _partial(name: str, *columns: Any, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# ---------------------------------------------------------------- people and what they did

managers = Table(
    "managers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("title", Text),
    Column("phone", Text),
    Column("locale", Text),
    Column("timezone", Text),
)

customers = Table(
    "customers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("email_hash", Text, index=True),  # keyed hash: joins suppressions, survives erasure
    Column("name", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("company", Text),
    Column("phone", Text),
    Column("locale", Text),
    Column("timezone", Text, index=True),  # which zones there are is asked again and again
    Column("country", Text),
    Column("birthday", Date),
    Column("source", Text),
    Column("manager_id", Key, ForeignKey("managers.id", ondelete="SET NULL"), index=True),
    Column("attrs", Json, nullable=False, server_default=text("'{}'")),  # the workspace's own fields
    Column("bucket", Integer, nullable=False),  # core.ids.bucket(external_id), for holdouts
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),
)

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
    Column("after_days", Integer),  # when the next thing is usually bought
)

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

facts = Table(
    "facts",
    metadata,
    # What is derived from a customer's purchases and events; store.facts defines and refreshes every column.
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


# ---------------------------------------------------------------- what was learned from everybody

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
    # What a client is expected to spend in the year after `at`; a look at a past day sees the latest all the same.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("clv", Double, nullable=False),
    Column("at", Instant, nullable=False),
    Column("purchases", Integer, nullable=False),  # what it was made of: tells when it is out of date
    Column("spent", Money, nullable=False),
)


# ---------------------------------------------------------------- rights

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
    # One row per client and topic, the latest word; topic "marketing" stands for all topics.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("wording", Text),
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
    # What a client asked for beyond consent; no row means nothing special.
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("paused_until", Instant),  # no marketing before
    Column("gap_days", SmallInteger),  # at most one marketing email in so many days
    Column("at", Instant, nullable=False),
)


# ---------------------------------------------------------------- promises

promises = Table(
    "promises",
    metadata,
    Column("id", Key, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("customer_id", Key, ForeignKey("customers.id"), nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("state", Text, nullable=False),  # ledger.states.State
    Column("reason", Text),  # why it is held, skipped, failed or uncertain
    Column("detail", Text),  # the winner's name, the server's words
    Column("kind", Text, nullable=False),  # marketing, transactional
    Column("recipient", Text, nullable=False, server_default=text("'customer'")),
    Column("priority", SmallInteger, nullable=False, server_default=text("0")),
    Column("source_id", Key),  # the event or purchase that set it off
    Column("rule", Text, nullable=False),  # digest of the rule version that promised it
    Column("due_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),  # when it is to be looked at again
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("claim_id", Key),  # of an uncertain row: the claim that was sending it, which alone may still settle it
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("message_id", Text),
    Column("template", Text),  # digest of the template it was rendered with
    Column("data", Text),  # the JSON it was rendered with
    Column("code", SmallInteger),  # the server's last reply code
    UniqueConstraint("campaign", "step", "customer_id", "occurrence"),
    Index("ix_promises_customer", "customer_id", "created_at"),
    # The work lists: small, because settled rows leave them. Each is in the order in which it is worked through.
    _partial("ix_promises_held", "next_at", where="state = 'held'"),
    _partial("ix_promises_planned", text("priority DESC"), "next_at", "id", where="state = 'planned'"),
)

layouts = Table(
    "layouts",
    metadata,
    # The first email that was made by a version of a template: what all others differ from only a little.
    Column("digest", Text, primary_key=True),
    Column("html", LargeBinary, nullable=False),
)

copies = Table(
    "copies",
    metadata,
    # Each email as it was sent, packed against its layout: for the page that shows it in a browser.
    Column("promise_id", Key, ForeignKey("promises.id", ondelete="CASCADE"), primary_key=True),
    Column("layout", Text, nullable=False),
    Column("html", LargeBinary, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    Column("id", Key, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("taken_at", Instant, nullable=False),  # both by the wall clock
    Column("lease_until", Instant, nullable=False, index=True),
    Column("rows", Keys, nullable=False),  # ids of the promises in hand
    Column("sending", Keys),  # ids of the promises being handed to a server: one chunk at most
)


# ---------------------------------------------------------------- rules as the database knows them

campaigns = Table(
    "campaigns",
    metadata,
    # What has been put into force, by the key under which its promises are kept.
    Column("key", Text, primary_key=True),  # the first name it had
    Column("name", Text, nullable=False, unique=True),  # the name it has now
    Column("rule", Text, nullable=False),  # digest of the whole rule
    Column("trigger", Text, nullable=False),  # digest of what decides who becomes due
    Column("since", Instant, nullable=False),  # what was due before this is the past
    Column("applied_at", Instant, nullable=False),  # when this trigger came into force
    Column("planned_at", Instant),  # last completed plan: bounds the search, never decides it
    Column("retired_at", Instant),
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
    # For `when` campaigns: who is in the state, and since when. Changes are made as a difference.
    Column("campaign", Text, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("occurrence", Text, nullable=False),  # names this stay in the state: when it began
    Column("entered_at", Instant, nullable=False),
    Column("left_at", Instant),
    Column("baseline", Boolean, nullable=False),  # already so when the rule came: not mailed
)

values_seen = Table(
    "values_seen",
    metadata,
    # For `each` campaigns: every value that a client's expression has had, once. What is there is never new again.
    Column("campaign", Text, primary_key=True),
    Column("customer_id", Key, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("value", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("baseline", Boolean, nullable=False),  # already so when the rule came: not mailed
    Index("ix_values_seen_at", "campaign", "at"),
)

buckets = Table(
    "buckets",
    metadata,
    # Sending rate per mail provider, shared by every worker.
    Column("provider", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("filled_at", Instant, nullable=False),
)
