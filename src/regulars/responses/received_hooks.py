"""Ids of received webhooks, so that a repeated message is not processed again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from regulars.db.engine import insert
from regulars.db.tables import deliveries

REMEMBERED = timedelta(days=30)
"""How long an id is stored; senders stop retrying within days."""
CONTENT_REMEMBERED = timedelta(days=400)
"""How long a digest of content is stored: a message without a signed time is never too old to be sent again."""
_DIGEST = 64


def was_received(connection: Connection, hook: str, message: str) -> bool:
    """Whether the hook has accepted the message before."""
    query = select(deliveries.c.at).where(deliveries.c.hook == hook, deliveries.c.message == message)
    return connection.scalar(query) is not None


def remember_message(connection: Connection, hook: str, message: str, at: datetime) -> None:
    """Stores the message's id, and deletes expired ones."""
    row = insert(connection, deliveries).values(hook=hook, message=message, at=at)
    connection.execute(row.on_conflict_do_nothing())
    is_id = func.length(deliveries.c.message) != _DIGEST
    connection.execute(delete(deliveries).where(deliveries.c.at < at - REMEMBERED, is_id))
    connection.execute(delete(deliveries).where(deliveries.c.at < at - CONTENT_REMEMBERED))
