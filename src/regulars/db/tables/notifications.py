"""What came back from mail servers and providers: bounces, complaints, auto-replies, requests to unsubscribe."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, SmallInteger, Table, Text, UniqueConstraint, text

from regulars.db.tables._metadata import metadata, partial_index
from regulars.db.types import Instant, Key

notifications = Table(
    "notifications",
    metadata,
    # One row for each statement about one email, whatever doors it came by. Addresses are stored by their keyed hash.
    Column("id", Key, primary_key=True),
    Column("digest", Text, nullable=False),  # of the provider's event id, else of the content
    Column("promise_id", Key, ForeignKey("promises.id", ondelete="CASCADE"), index=True),  # none: not about our email
    Column("campaign", Text),  # the promise's
    Column("email_hash", Text, index=True),  # the mailbox to which the email was sent, if known
    Column("kind", Text, nullable=False),  # feedback.notification.Kind
    Column("reason", Text, nullable=False),  # feedback.bounce_reasons, or empty
    Column("status", Text),  # the enhanced status code
    Column("code", SmallInteger),  # the SMTP reply code
    Column("words", Text),  # the server's; gone once the client is erased
    Column("source", Text, nullable=False),  # the door: mailbox, inbound, webhook
    Column("at", Instant, nullable=False),  # when it happened, as the sender says
    Column("received_at", Instant, nullable=False, index=True),
    Column("forgiven", Boolean, nullable=False, server_default=text("false")),  # the address had another chance since
    Column("waits", Boolean, nullable=False, server_default=text("false")),  # came before its email was settled
    UniqueConstraint("digest"),
    partial_index("ix_notifications_unknown", "received_at", where="promise_id IS NULL"),
    partial_index("ix_notifications_waiting", "received_at", where="waits = true"),
    partial_index("ix_notifications_campaign", "campaign", "kind", "received_at", where="campaign IS NOT NULL"),
)
