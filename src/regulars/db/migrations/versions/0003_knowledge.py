"""What is known of clients beyond their purchases, and what was learned from everybody."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NONE = sa.text("0")


def upgrade() -> None:
    """Adds columns to products and facts, an index, and the tables of what is learned."""
    op.add_column("products", sa.Column("launched_at", sa.BigInteger()))
    op.create_index("ix_events_occurred", "events", ["occurred_at"])
    _facts()
    _learned()


def _facts() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("days", sa.Integer(), nullable=False, server_default=NONE),
        sa.Column("stage", sa.Text(), nullable=False, server_default=sa.text("'potential'")),
        sa.Column("motivation", sa.Text()),
        *(
            sa.Column(f"{name}_score", sa.Double(), nullable=False, server_default=NONE)
            for name in ("price", "novelty", "belonging", "stability")
        ),
        sa.Column("sci", sa.Double()),
        sa.Column("nps", sa.Double()),
        sa.Column("accessories_missing", sa.Integer(), nullable=False, server_default=NONE),
        sa.Column("points", sa.BigInteger(), nullable=False, server_default=NONE),
        sa.Column("points_earned", sa.BigInteger(), nullable=False, server_default=NONE),
    )
    for column in columns:
        op.add_column("facts", column)


def _learned() -> None:
    op.create_table(
        "learned_links",
        sa.Column("product_id", KEY, nullable=False),
        sa.Column("target_id", KEY, nullable=False),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("support", sa.Integer(), nullable=False),
        sa.Column("lift", sa.Double(), nullable=False),
        sa.Column("after_days", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_learned_links_product_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["target_id"], ["products.id"], name="fk_learned_links_target_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("product_id", "target_id", name="pk_learned_links"),
    )
    op.create_table(
        "buying_model",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("r", "alpha", "a", "b")),
        *(sa.Column(name, sa.Double()) for name in ("p", "q", "v")),
        sa.Column("clients", sa.Integer(), nullable=False),
        sa.Column("learned_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_buying_model"),
    )
    op.create_table(
        "worth",
        sa.Column("customer_id", KEY, nullable=False),
        sa.Column("clv", sa.Double(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("purchases", sa.Integer(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_worth_customer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("customer_id", name="pk_worth"),
    )
