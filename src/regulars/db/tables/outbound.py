"""Tables of what other programs and the operator are told: endpoints, the outbox of messages to them, alerts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text, UniqueConstraint, text

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Json, Key

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    # The programs of `notify` in the rules in force, and how their deliveries go. Instants are by the database's clock.
    Column("name", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("events", Json, nullable=False),  # rules.notify_rules.OutboundEvent; empty: all
    Column("campaigns", Json, nullable=False),  # names; empty: all
    Column("failures", Integer, nullable=False, server_default=text("0")),  # since the last success, one after another
    Column("failing_since", Instant),
    Column("next_at", Instant),  # not tried before then
    Column("last_success_at", Instant),
    Column("error", Text),  # of the last attempt that failed
    Column("disabled_at", Instant),  # it gets nothing more until a person enables it
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    # The outbox: one row for each event and endpoint, written in the transaction of what it tells. Ids give the order.
    Column("id", Key, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject", Text, nullable=False),  # names what happened: the same again is not told again
    Column("at", Instant, nullable=False),  # when it happened
    Column("customer_id", Key, nullable=False, server_default=text("0")),  # 0: about no client. No foreign key
    Column("promise_id", Key),
    Column("data", Json),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),  # ledger.webhook_outbox.MessageState
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Instant, nullable=False, server_default=text("0")),
    Column("first_tried_at", Instant),
    Column("settled_at", Instant),
    Column("error", Text),
    UniqueConstraint("endpoint", "subject"),
    partial_index("ix_webhook_messages_waiting", "endpoint", "next_at", "id", where="state = 'waiting'"),
    partial_index("ix_webhook_messages_order", "endpoint", "customer_id", "id", where="state = 'waiting'"),
    partial_index("ix_webhook_messages_settled", "settled_at", where="settled_at IS NOT NULL"),
    partial_index("ix_webhook_messages_customer", "customer_id", where="customer_id <> 0"),
)

alerts = Table(
    "alerts",
    metadata,
    # What stops mail, or soon will: from its beginning to its end. Instants are by the database's clock.
    Column("id", Key, primary_key=True),
    Column("key", Text, nullable=False),  # names the condition, without numbers: `lane/default`
    Column("words", Text, nullable=False),  # what is wrong, and what to do
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("began_emailed_at", Instant),
    Column("ended_emailed_at", Instant),
    Column("emailing_until", Instant),  # a process is sending the email about it
    partial_index("uq_alerts_open", "key", where="ended_at IS NULL", unique=True),
    Index("ix_alerts_began", "began_at"),
)

latencies = Table(
    "latencies",
    metadata,
    # A histogram by server: how many emails had their reply within so many seconds, written a few times a minute.
    Column("server", Text, primary_key=True),
    Column("within_ms", Integer, primary_key=True, autoincrement=False),  # 0: longer than all others
    Column("number", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),  # that they took together
)
