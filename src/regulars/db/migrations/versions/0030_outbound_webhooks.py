"""Other programs and the operator are told what happens: endpoints, an outbox, alerts, latencies by server.

Message-IDs get an index; a letter of a fixed time, the number that it was meant for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Makes the tables; all are empty until the rules name a program or something goes wrong."""
    _endpoints()
    _messages()
    _alerts()
    op.add_column("campaigns", sa.Column("expected", sa.Integer()))
    op.create_index(
        "ix_promises_message_id", "promises", ["message_id"], postgresql_using="hash",
        sqlite_where=sa.text("message_id IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "latencies",
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("within_ms", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("server", "within_ms", name="pk_latencies"),
    )


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", JSON, nullable=False),
        sa.Column("campaigns", JSON, nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_webhook_endpoints"),
    )


def _messages() -> None:
    op.create_table(
        "webhook_messages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", KEY, server_default=sa.text("0"), nullable=False),
        sa.Column("promise_id", KEY),
        sa.Column("data", JSON),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_tried_at", sa.BigInteger()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_messages"),
        sa.UniqueConstraint("endpoint", "subject", name="uq_webhook_messages_endpoint_subject"),
    )
    _partial("ix_webhook_messages_waiting", "webhook_messages", ["endpoint", "next_at", "id"], "state = 'waiting'")
    _partial("ix_webhook_messages_order", "webhook_messages", ["endpoint", "customer_id", "id"], "state = 'waiting'")
    _partial("ix_webhook_messages_settled", "webhook_messages", ["settled_at"], "settled_at IS NOT NULL")
    _partial("ix_webhook_messages_customer", "webhook_messages", ["customer_id"], "customer_id <> 0")


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("began_emailed_at", sa.BigInteger()),
        sa.Column("ended_emailed_at", sa.BigInteger()),
        sa.Column("emailing_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    _partial("uq_alerts_open", "alerts", ["key"], "ended_at IS NULL", unique=True)
    op.create_index("ix_alerts_began", "alerts", ["began_at"])


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
