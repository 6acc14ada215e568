"""Months of the company's calendar as SQL: their limits are reckoned in Python, where time zones are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Text, case, func, literal, select

from regulars.core.calendar import zone
from regulars.db.tables import promises
from regulars.db.types import to_micros
from regulars.insights.attribution import RECEIVED, Period


def months_from(first: datetime, last: datetime, timezone: str) -> list[datetime]:
    """The instants at which the months from the one of `first` to the one of `last` begin, by that zone's calendar."""
    place = zone(timezone)
    local = first.astimezone(place)
    year, month, found = local.year, local.month, []
    while (begins := _begins(year, month, place)) <= last:
        found.append(begins)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def months_between(connection: Connection, timezone: str, period: Period) -> list[datetime]:
    """The months of the emails in the period."""
    query = select(func.min(promises.c.settled_at)).where(promises.c.state.in_(RECEIVED))
    first = period.since or connection.scalar(query) or period.now
    last = min(period.until or period.now, period.now)
    return months_from(min(first, last), last, timezone)


def month_of(instant: ColumnElement[int], months: Sequence[datetime]) -> ColumnElement[str]:
    """The month of an instant as `2026-06`, by halving: a report of ten years compares seven times for each row."""
    if len(months) == 1:
        return literal(name_of(months[0]), Text)
    middle = len(months) // 2
    return case(
        (instant < to_micros(months[middle]), month_of(instant, months[:middle])),
        else_=month_of(instant, months[middle:]),
    )


def name_of(month: datetime) -> str:
    """`2026-06`; the instant bears its zone."""
    return f"{month:%Y-%m}"


def _begins(year: int, month: int, place: ZoneInfo) -> datetime:
    return datetime(year, month, 1, tzinfo=place)
