"""The current state of visits, folded from the events that booked, moved, confirmed or cancelled them.

Events are the only source. `visit.booked` has time and place; another one with the same `visit` replaces it. A booking
without `visit` is a visit of its own, named by its id. `moved` and `cancelled` are the same for sets, in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select

from regulars.db.json_fields import readable_micros, regulars_field_text
from regulars.db.rowset import ids
from regulars.db.tables import events
from regulars.db.types import from_micros

BOOKED = "visit.booked"
MOVED = "visit.moved"
CANCELLED = "visit.cancelled"
CONFIRMED = "visit.confirmed"
MOVE_REQUESTED = "visit.move-requested"
STATUS_EVENTS = (BOOKED, CANCELLED, CONFIRMED, MOVE_REQUESTED)
"""The events that determine the state of a visit; `visit.moved` exists for rules, beside the booking that moves it."""
CLIENT = "client"
"""The value of `by` in an event that the client caused on a page."""
DEFAULT_MINUTES = 60
STARTS_AT = "starts_at"
"""The field of `visit.booked` that says when the visit begins."""


@dataclass(frozen=True, slots=True)
class Visit:
    """The state of one visit. `sequence` is the number of earlier bookings, for calendar programs."""

    id: str
    customer: int
    booking: str
    """The id of the event that booked it last."""
    booked_at: datetime
    starts_at: datetime | None
    minutes: float
    service: str | None
    place: str | None
    slots: tuple[datetime, ...]
    """Alternative times that the booking system offers."""
    sequence: int = 0
    cancelled_by: str | None = None
    """Who cancelled it: `client`, else `business`; None while it is not cancelled."""
    confirmed: bool = False
    wish: Mapping[str, Any] | None = None
    """What the client asked for since it was booked: `starts_at`, `note`."""

    @property
    def ends_at(self) -> datetime | None:
        """The end of the visit."""
        return None if self.starts_at is None else self.starts_at + timedelta(minutes=self.minutes)

    def is_upcoming(self, now: datetime) -> bool:
        """Whether it is in the future and not cancelled."""
        return self.cancelled_by is None and self.starts_at is not None and self.starts_at > now


Visits = dict[tuple[int, str], Visit]


def visits(connection: Connection, customers: Iterable[int], now: datetime) -> Visits:
    """The visits of these clients as of `now`, by client and visit name."""
    found: Visits = {}
    rows = connection.execute(
        select(events.c.customer_id, events.c.name, events.c.external_id, events.c.occurred_at, events.c.data)
        .where(
            events.c.customer_id.in_(ids(connection, set(customers))),
            events.c.name.in_(STATUS_EVENTS),
            events.c.occurred_at <= now,
        )
        .order_by(events.c.occurred_at, events.c.id)
    )
    for row in rows:
        data = row.data or {}
        key = (row.customer_id, name_of(data, row.external_id))
        if row.name == BOOKED:
            found[key] = visit_of_booking(row.customer_id, row.external_id, row.occurred_at, data, found.get(key))
        elif key in found:
            found[key] = with_event(found[key], row.name, data)
    return found


def name_of(data: Mapping[str, Any], external_id: str) -> str:
    """The visit's name: the booking system's id for it, else the id of the booking."""
    return str(data.get("visit") or external_id)


def visit_of_booking(
    customer: int, external_id: str, at: datetime, data: Mapping[str, Any], before: Visit | None = None
) -> Visit:
    """The visit after a booking with this data, which replaces `before`."""
    minutes, slots = data.get("duration"), data.get("slots")
    return Visit(
        name_of(data, external_id), customer, external_id, at, _instant(data.get("starts_at")),
        float(minutes) if isinstance(minutes, (int, float)) and 0 < minutes <= 10_080 else DEFAULT_MINUTES,
        _text(data.get("service")), _text(data.get("place")),
        tuple(sorted(at for at in map(_instant, slots if isinstance(slots, list) else ()) if at is not None)),
        0 if before is None else before.sequence + 1,
    )  # fmt: skip


def with_event(visit: Visit, name: str, data: Mapping[str, Any]) -> Visit:
    """The visit after this event about it."""
    if name == CANCELLED:
        return replace(visit, cancelled_by=CLIENT if data.get("by") == CLIENT else "business")
    return replace(visit, confirmed=True) if name == CONFIRMED else replace(visit, wish=data)


def _instant(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    micros = readable_micros(value)
    return None if micros is None else from_micros(micros)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def moved(source_id: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    """Whether another booking has replaced the one whose key this is."""
    return _has_later(source_id, BOOKED, now)


def cancelled(source_id: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    """Whether the visit was cancelled after the booking whose key this is."""
    return _has_later(source_id, CANCELLED, now)


def _has_later(source_id: ColumnElement[Any], name: str, now: datetime) -> ColumnElement[bool]:
    first, later = events.alias("booking"), events.alias("later")

    def visit(table: Any) -> ColumnElement[str]:
        return func.coalesce(regulars_field_text(table.c.data, literal("visit")), table.c.external_id)

    after = or_(
        later.c.occurred_at > first.c.occurred_at,
        and_(later.c.occurred_at == first.c.occurred_at, later.c.id > first.c.id),
    )
    found = (
        select(later.c.id)
        .select_from(first.join(later, later.c.customer_id == first.c.customer_id))
        .where(first.c.id == source_id, later.c.name == name, after, later.c.occurred_at <= now)
        .where(visit(later) == visit(first))
    )
    return found.correlate_except(first, later).exists()
