"""What day it is for each client, as SQL: the zones are decided in `core.calendar`, the database only looks up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import Date, FromClause, Text, case, literal
from sqlalchemy.sql import ColumnElement

from regulars.audience.python import local_day
from regulars.core.calendar import local_date
from regulars.store import tables


def today_by_zone(
    zones: Iterable[str], now: datetime, zone: str, customers: FromClause = tables.customers
) -> ColumnElement[date]:
    """The client's date at `now`: by the own zone where one is known, else by `zone`, the company's.

    `zones` are all that clients have, as `store.zones.in_use` gives them.

    At no instant are there more than three dates on earth, so that the CASE stays short.
    """
    usual = local_date(now, zone)
    elsewhere: dict[date, list[str]] = defaultdict(list)
    for name in zones:
        if (day := local_day(now, name, zone)) != usual:
            elsewhere[day].append(name)
    if not elsewhere:
        return literal(usual, Date)
    whens = [
        (customers.c.timezone.in_([literal(name, Text) for name in names]), literal(day, Date))
        for day, names in sorted(elsewhere.items())
    ]
    return case(*whens, else_=literal(usual, Date))
