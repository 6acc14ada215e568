"""A client's request for their data: an event that triggers the email with the link, and the link's validity."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from regulars.db.engine import insert
from regulars.db.tables import events, promises
from regulars.ledger.link_owner import LinkOwner
from regulars.profile import facts

REQUESTED = "data.requested"
VALID_FOR = timedelta(days=1)
"""The validity of the link after sending, and the minimum time between requests."""


def request_data(connection: Connection, owner: LinkOwner, at: datetime) -> bool:
    """Records a request as an event `data.requested`, once a day; returns whether it is new."""
    if data_requested(connection, owner, at):
        return False
    statement = insert(connection, events).values(
        external_id=f"data/{owner.customer}/{at:%Y-%m-%d}", customer_id=owner.customer, name=REQUESTED, occurred_at=at,
        received_at=at, data={},
    )  # fmt: skip
    new = connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).first()
    if new is not None:
        facts.refresh_after_events(connection, [new])
    return new is not None


def data_requested(connection: Connection, owner: LinkOwner, now: datetime) -> bool:
    """Whether the client has asked within the last day."""
    query = select(events.c.id).where(
        events.c.customer_id == owner.customer, events.c.name == REQUESTED, events.c.occurred_at > now - VALID_FOR
    )
    return connection.execute(query.limit(1)).first() is not None


def data_link_valid(connection: Connection, owner: LinkOwner, now: datetime) -> bool:
    """Whether this email's link is valid: it answers a request, and was sent within the last day."""
    if owner.campaign is None or owner.campaign.on != REQUESTED or owner.erased:
        return False
    sent = func.coalesce(promises.c.settled_at, promises.c.due_at)
    query = select(promises.c.id).where(promises.c.id == owner.promise, sent > now - VALID_FOR)
    return connection.execute(query).first() is not None
