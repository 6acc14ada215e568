"""The local date of each client, as SQL: `core.calendar` computes zones, the database only looks up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime

from sqlalchemy import Date, FromClause, Text, case, literal
from sqlalchemy.sql import ColumnElement

from regulars.audience.evaluate import local_day
from regulars.core.calendar import local_date
from regulars.db import tables

Elsewhere = tuple[tuple[str, ...], ...]
"""Zones whose date differs from the company's, grouped by date, the earliest first."""


def elsewhere(zones: Iterable[str], now: datetime, zone: str) -> Elsewhere:
    """The zones with another date at `now` than `zone`; there are at most two such dates."""
    usual = local_date(now, zone)
    found: dict[date, list[str]] = defaultdict(list)
    for name in zones:
        if (day := local_day(now, name, zone)) != usual:
            found[day].append(name)
    return tuple(tuple(names) for _, names in sorted(found.items()))


def today_by_zone(
    zones: Iterable[str], now: datetime, zone: str, customers: FromClause = tables.customers
) -> ColumnElement[date]:
    """The client's date at `now`: in their own zone if known, else in `zone`, the company's.

    `zones` are all zones of clients, from `profile.time_zones.in_use`.
    """
    return today(elsewhere(zones, now, zone), zone, lambda name: literal(local_day(now, name, zone), Date), customers)


def today(
    groups: Elsewhere, zone: str, day: Callable[[str], ColumnElement[date]], customers: FromClause = tables.customers
) -> ColumnElement[date]:
    """The same, with known `elsewhere` zones; `day` returns the date in a zone."""
    whens = [(customers.c.timezone.in_([literal(name, Text) for name in names]), day(names[0])) for names in groups]
    return case(*whens, else_=day(zone)) if whens else day(zone)
