"""The clients of `turns` as SQL: whose spans end in a stretch of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    Double,
    FromClause,
    Select,
    Subquery,
    Table,
    Text,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement

from regulars.audience.day_spans import SECOND
from regulars.audience.nodes import PURCHASE
from regulars.audience.turns import Begins, EventAge, FieldAge, Moment, Returns, Rhythms, Span
from regulars.db.json_fields import regulars_field_instant
from regulars.db.tables import customers, events, purchases, return_times
from regulars.db.types import DAY, MICROSECOND, from_micros, to_micros

_TWO_DAYS = timedelta(days=2)
"""An instant written with its own offset has another date than the same one in UTC, by a day at most."""
_CALENDAR = (datetime(1, 1, 4, tzinfo=UTC), datetime(9999, 12, 27, tzinfo=UTC))


def turned_clients(span: Span, known: FromClause, after: datetime, until: datetime) -> Select[Any] | None:
    """A SELECT of the clients for whom the span ends in (after, until]; None for everybody.

    `known` are the facts of all clients as of `until`. Clients may be there many times.
    """
    low, high = to_micros(after), to_micros(until)
    match span:
        case EventAge():
            table = purchases if span.event == PURCHASE else events
            query = select(table.c.customer_id).where(*_between(_micros(table.c.occurred_at), span.shift, low, high))
            return query if span.event == PURCHASE else query.where(events.c.name == literal(span.event, Text))
        case FieldAge():
            of_client = span.name in customers.c
            key = customers.c.id if of_client else known.c.customer_id
            column = (customers if of_client else known).c[span.name]
            return select(key).where(*_between(_micros(column), span.shift, low, high))
        case Rhythms():
            # The condition divides: a second on either side is more than its rounding.
            ends = literal_column(rhythms_sql(span, f"{_name_of(known)}."), Double)
            return select(known.c.customer_id).where(ends > float(low - SECOND), ends <= float(high + SECOND))
        case Returns():
            age = return_times.c.days * literal(DAY, BigInteger)
            at = _micros(purchases.c.occurred_at)
            return select(purchases.c.customer_id).join_from(
                return_times, purchases, (at > literal(low, BigInteger) - age) & (at <= literal(high, BigInteger) - age)
            )
        case Begins():
            return _beginning(span, low, high)
        case Moment():
            return select(customers.c.id).where(literal(0) == literal(1)) if not low < span.at <= high else None
        case _:
            assert_never(span)


def rhythms_sql(span: Rhythms, prefix: str = "") -> str:
    """When the rhythms are over, in microseconds: the very text of the index on it."""
    return f"{prefix}last_purchase_at + {prefix}rhythm * CAST({span.count * DAY!r} AS DOUBLE PRECISION)"


def _name_of(known: FromClause) -> str:
    assert isinstance(known, Table | Subquery)
    return str(known.name)


def _beginning(span: Begins, low: int, high: int) -> Select[Any]:
    """The text bounds the search, for it can be indexed; an instant's text sorts by its day in some zone."""
    begins = regulars_field_instant(events.c.data, literal(span.field, Text))
    query = select(events.c.customer_id).where(
        events.c.name == literal(span.event, Text), *_between(begins, span.shift, low, high)
    )
    first, last = (from_micros(bound) - span.shift * MICROSECOND for bound in (low, high))
    if _CALENDAR[0] < first and last < _CALENDAR[1]:
        text = events.c.data[span.field].as_string()
        query = query.where(text >= f"{first - _TWO_DAYS:%Y-%m-%d}", text < f"{last + _TWO_DAYS:%Y-%m-%d}")
    return query


def _between(moment: ColumnElement[Any], shift: int, low: int, high: int) -> tuple[ColumnElement[bool], ...]:
    return moment > literal(low - shift, BigInteger), moment <= literal(high - shift, BigInteger)


def _micros(column: ColumnElement[Any]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)
