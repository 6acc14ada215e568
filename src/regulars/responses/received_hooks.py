"""Signed messages from shops, remembered by their id, so that one sent again is not taken again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from regulars.db.engine import insert
from regulars.db.tables import deliveries

REMEMBERED = timedelta(days=30)
"""How long a message is known again; senders stop trying within days."""


def was_received(connection: Connection, hook: str, message: str) -> bool:
    """Whether the hook has taken the message before."""
    query = select(deliveries.c.at).where(deliveries.c.hook == hook, deliveries.c.message == message)
    return connection.scalar(query) is not None


def remember_message(connection: Connection, hook: str, message: str, at: datetime) -> None:
    """Remembers the message, and forgets those that nobody repeats any more."""
    row = insert(connection, deliveries).values(hook=hook, message=message, at=at)
    connection.execute(row.on_conflict_do_nothing())
    connection.execute(delete(deliveries).where(deliveries.c.at < at - REMEMBERED))
