"""A client's answers about a visit by links of its email: confirm, cancel, request another time. Each is an event.

Ids are derived from the booking, so that a repeated answer is one event and a moved visit can be confirmed again. The
time itself changes only by a booking: the client only requests it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from regulars.db.engine import insert
from regulars.db.tables import customers, events, promises
from regulars.ledger.link_owner import LinkOwner
from regulars.ledger.webhook_outbox import add_answer
from regulars.profile import facts
from regulars.profile.visits import (
    CANCELLED,
    CLIENT,
    CONFIRMED,
    MOVE_REQUESTED,
    MOVED,
    STATUS_EVENTS,
    Visit,
    name_of,
    visits,
)

REQUESTS_PER_BOOKING = 5
"""Maximum requests for another time per booking."""
NOTE_LENGTH = 500
"""Maximum characters of a client's note."""


def visit_of(connection: Connection, owner: LinkOwner, now: datetime) -> Visit | None:
    """The current state of the visit of the email."""
    if owner.campaign is None or owner.campaign.on not in (*STATUS_EVENTS, MOVED):
        return None
    row = connection.execute(
        select(events.c.external_id, events.c.data)
        .join(promises, promises.c.source_id == events.c.id)
        .where(promises.c.id == owner.promise, events.c.customer_id == owner.customer)
    ).first()
    if row is None:
        return None
    return visits(connection, [owner.customer], now).get((owner.customer, name_of(row.data or {}, row.external_id)))


def client_of(connection: Connection, visit: Visit) -> str:
    """The uid of the client whose visit it is."""
    return str(connection.scalar(select(customers.c.uid).where(customers.c.id == visit.customer)))


def confirm(connection: Connection, visit: Visit, at: datetime) -> bool:
    """Records that the client will come; returns whether it is new."""
    return _record(connection, visit, CONFIRMED, f"{visit.booking}/confirmed", at, _visit_data(visit))


def cancel(connection: Connection, visit: Visit, at: datetime, note: str | None = None) -> bool:
    """Records that the client cancels; returns whether it is new."""
    data = {**_visit_data(visit), "by": CLIENT, **({"note": note} if note else {})}
    return _record(connection, visit, CANCELLED, f"{visit.booking}/cancelled", at, data)


def request_move(connection: Connection, visit: Visit, at: datetime, wanted: datetime | None, note: str | None) -> bool:
    """Records the requested time: one that was offered, another, or a note. Returns whether it is new."""
    requested: dict[str, Any] = {"note": note} if note else {}
    if wanted is not None:
        requested |= {"wanted_at": wanted.isoformat(), "offered": wanted in visit.slots}
    data = {**_visit_data(visit), **requested}
    if not requested or data == visit.wish:
        return False
    stem = f"{visit.booking}/move-requested/"
    earlier = connection.scalar(
        select(func.count()).where(
            events.c.customer_id == visit.customer, events.c.name == MOVE_REQUESTED,
            events.c.external_id.startswith(stem, autoescape=True),
        )
    ) or 0  # fmt: skip
    return earlier < REQUESTS_PER_BOOKING and _record(
        connection, visit, MOVE_REQUESTED, f"{stem}{earlier + 1}", at, data
    )


def _visit_data(visit: Visit) -> dict[str, Any]:
    """The visit's data in such an event, for the emails that it triggers."""
    named = {"service": visit.service, "place": visit.place}
    starts = {} if visit.starts_at is None else {"starts_at": visit.starts_at.isoformat()}
    return {"visit": visit.id, **starts, **{name: value for name, value in named.items() if value}}


def _record(
    connection: Connection, visit: Visit, name: str, external_id: str, at: datetime, data: Mapping[str, Any]
) -> bool:
    statement = insert(connection, events).values(
        external_id=external_id, customer_id=visit.customer, name=name, occurred_at=at, received_at=at, data=dict(data)
    )
    key = connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).first()
    if key is not None:
        facts.refresh_after_events(connection, [key])
        add_answer(connection, visit.customer, name, external_id, at, data)
    return key is not None
