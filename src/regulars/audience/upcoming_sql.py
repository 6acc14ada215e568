"""`next` and `has_upcoming` as SQL, over one client's events; `evaluate` has the same in Python."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, FromClause, Text, and_, exists, func, literal, or_, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.audience.nodes import VISIT, Upcoming
from regulars.db.json_fields import regulars_field_instant, regulars_field_text
from regulars.db.tables import events
from regulars.profile.visits import BOOKED, CANCELLED

Column = ColumnElement[Any]
VISIT_ID = "visit"
"""The field of a visit's events that names it; without one a booking is named by its own id."""


def upcoming(node: Upcoming, customers: FromClause, now: Column) -> Column:
    """The earliest instant after `now` in microseconds, or whether there is one."""
    found = events.alias()
    begins = regulars_field_instant(found.c.data, literal(node.field, Text))
    name = BOOKED if node.event == VISIT else node.event
    chosen = [
        found.c.customer_id == customers.c.id, found.c.name == literal(name, Text), _at(found) <= now, begins > now
    ]  # fmt: skip
    if node.event == VISIT:
        chosen.append(~_changed_later(found, now))
    if node.function == "has_upcoming":
        return select(literal(1)).select_from(found).where(*chosen).correlate(customers).exists()
    return select(func.min(begins)).select_from(found).where(*chosen).correlate(customers).scalar_subquery()


def _changed_later(booking: FromClause, now: Column) -> Column:
    """Whether the visit was booked again or cancelled after this booking."""
    other = events.alias()
    later = or_(_at(other) > _at(booking), and_(_at(other) == _at(booking), other.c.id > booking.c.id))
    return (
        exists()
        .where(
            other.c.customer_id == booking.c.customer_id,
            other.c.name.in_([literal(BOOKED, Text), literal(CANCELLED, Text)]),
            _at(other) <= now,
            later,
            _visit(other) == _visit(booking),
        )
        .correlate(booking)
    )


def _visit(table: FromClause) -> Column:
    return func.coalesce(
        func.nullif(regulars_field_text(table.c.data, literal(VISIT_ID, Text)), ""), table.c.external_id
    )


def _at(table: FromClause) -> Column:
    return type_coerce(table.c.occurred_at, BigInteger)
