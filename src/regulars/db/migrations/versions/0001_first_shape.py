"""The first shape of the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Makes every table."""
    _people()
    _goods()
    _purchases()
    _events()
    _facts()
    _rights()
    _promises()
    _sending()
    _rules()


def _people() -> None:
    """Who there is."""
    op.create_table(
        "managers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("title", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("locale", sa.Text()),
        sa.Column("timezone", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_managers"),
        sa.UniqueConstraint("external_id", name="uq_managers_external_id"),
    )
    op.create_table(
        "customers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("email_hash", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("first_name", sa.Text()),
        sa.Column("last_name", sa.Text()),
        sa.Column("company", sa.Text()),
        sa.Column("phone", sa.Text()),
        sa.Column("locale", sa.Text()),
        sa.Column("timezone", sa.Text()),
        sa.Column("country", sa.Text()),
        sa.Column("birthday", sa.Date()),
        sa.Column("source", sa.Text()),
        sa.Column("manager_id", KEY),
        sa.Column("attrs", JSON, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["manager_id"], ["managers.id"], name="fk_customers_manager_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("external_id", name="uq_customers_external_id"),
    )
    op.create_index("ix_customers_email_hash", "customers", ["email_hash"])
    op.create_index("ix_customers_manager_id", "customers", ["manager_id"])


def _goods() -> None:
    """What is sold."""
    op.create_table(
        "products",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("image_url", sa.Text()),
        sa.Column("consumable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attrs", JSON, server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.UniqueConstraint("sku", name="uq_products_sku"),
    )
    op.create_table(
        "product_links",
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target_id", KEY, nullable=False),
        sa.Column("rank", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("after_days", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_product_links_product_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["target_id"], ["products.id"], name="fk_product_links_target_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("product_id", "kind", "target_id", name="pk_product_links"),
    )


def _purchases() -> None:
    """What clients bought."""
    op.create_table(
        "purchases",
        sa.Column("id", KEY, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("quantity", sa.Integer()),
        sa.Column("discount", sa.BigInteger()),
        sa.Column("data", JSON, server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_purchases_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint("external_id", name="uq_purchases_external_id"),
    )
    op.create_index("ix_purchases_customer", "purchases", ["customer_id", "occurred_at"])
    op.create_index("ix_purchases_occurred", "purchases", ["occurred_at"])
    op.create_index("ix_purchases_received", "purchases", ["received_at"])
    op.create_table(
        "purchase_lines",
        sa.Column("purchase_id", KEY, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("quantity", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("amount", sa.BigInteger()),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_purchase_lines_product_id"),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name="fk_purchase_lines_purchase_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("purchase_id", "line", name="pk_purchase_lines"),
    )
    op.create_index("ix_purchase_lines_product_id", "purchase_lines", ["product_id"])


def _events() -> None:
    """What else happened."""
    op.create_table(
        "events",
        sa.Column("id", KEY, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("data", JSON, server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_events_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("external_id", name="uq_events_external_id"),
    )
    op.create_index("ix_events_customer", "events", ["customer_id", "name", "occurred_at"])
    op.create_index("ix_events_name", "events", ["name", "occurred_at"])
    op.create_index("ix_events_received", "events", ["name", "received_at"])


def _facts() -> None:
    """What follows from the purchases of a client."""
    op.create_table(
        "facts",
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("purchases", sa.Integer(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("first_purchase_at", sa.BigInteger()),
        sa.Column("last_purchase_at", sa.BigInteger()),
        sa.Column("rhythm", sa.Double()),
        sa.Column("next_product_id", KEY),
        sa.Column("next_product_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_facts_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("customer_id", name="pk_facts"),
    )


def _rights() -> None:
    """Who must not be written to, and why."""
    op.create_table(
        "suppressions",
        sa.Column("email_hash", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("email_hash", name="pk_suppressions"),
    )
    op.create_table(
        "consents",
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text()),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_consents_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("customer_id", "topic", name="pk_consents"),
    )
    op.create_table(
        "consent_log",
        sa.Column("id", KEY, nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("detail", JSON),
        sa.PrimaryKeyConstraint("id", name="pk_consent_log"),
    )
    op.create_index("ix_consent_log_customer_id", "consent_log", ["customer_id"])


def _promises() -> None:
    """What is owed, and what was done."""
    op.create_table(
        "promises",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), server_default=sa.text("'customer'"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("source_id", KEY),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("claim_id", KEY),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("message_id", sa.Text()),
        sa.Column("template", sa.Text()),
        sa.Column("data", sa.Text()),
        sa.Column("code", sa.SmallInteger()),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_promises_customer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_promises"),
        sa.UniqueConstraint(
            "campaign", "step", "customer_id", "occurrence", name="uq_promises_campaign_step_customer_id_occurrence"
        ),
    )
    op.create_index(
        "ix_promises_claim",
        "promises",
        ["claim_id"],
        sqlite_where=sa.text("state IN ('claimed','sending')"),
        postgresql_where=sa.text("state IN ('claimed','sending')"),
    )
    op.create_index("ix_promises_customer", "promises", ["customer_id", "created_at"])
    op.create_index("ix_promises_message", "promises", ["message_id"])
    op.create_index(
        "ix_promises_open",
        "promises",
        ["state", "next_at"],
        sqlite_where=sa.text("state IN ('planned','held','claimed','sending')"),
        postgresql_where=sa.text("state IN ('planned','held','claimed','sending')"),
    )


def _sending() -> None:
    """Claims, coupons, and how fast a provider is sent to."""
    op.create_table(
        "claims",
        sa.Column("id", KEY, nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_claims"),
    )
    op.create_index("ix_claims_lease_until", "claims", ["lease_until"])
    op.create_table(
        "coupons",
        sa.Column("id", KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("offer", JSON, nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_coupons_customer_id"),
        sa.PrimaryKeyConstraint("id", name="pk_coupons"),
        sa.UniqueConstraint("campaign", "customer_id", "occurrence", name="uq_coupons_campaign_customer_id_occurrence"),
        sa.UniqueConstraint("code", name="uq_coupons_code"),
    )
    op.create_index("ix_coupons_customer_id", "coupons", ["customer_id"])
    op.create_table(
        "buckets",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("filled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_buckets"),
    )


def _rules() -> None:
    """Rules as the database knows them."""
    op.create_table(
        "campaigns",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("planned_at", sa.BigInteger()),
        sa.Column("retired_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("key", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
    )
    op.create_table(
        "rule_versions",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("source", JSON, nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name="pk_rule_versions"),
    )
    op.create_table(
        "members",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger()),
        sa.Column("baseline", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_members_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("campaign", "customer_id", name="pk_members"),
    )
