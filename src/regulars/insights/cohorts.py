"""Cohorts by month: clients by the month of their first purchase or first email, and who came back when.

A mailbox counts once, by its earliest. Months are those of the company's calendar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Connection, func, literal, select, type_coerce

from regulars.db.tables import customers, promises, purchases
from regulars.db.types import MONEY_SCALE, to_micros
from regulars.insights.attribution import RECEIVED, Period, in_period
from regulars.insights.goal_report import Values
from regulars.insights.months import month_of, months_from, name_of
from regulars.profile.shared_mailbox import mailbox_of
from regulars.rules.model import Rulebook


class By(StrEnum):
    """What a cohort begins with."""

    PURCHASE = "purchase"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class CohortMonth:
    """What a cohort did in one month: mailboxes that bought, and the value of their purchases by currency."""

    buyers: int = 0
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cohort:
    """The mailboxes that began in one month; `came_back` bought (again) at a later instant than they began.

    `values` are all their purchases later than the beginning, by currency. `months` begin with the cohort's own, and
    are all that have begun: a later one is not 0 but unknown.
    """

    month: str
    mailboxes: int
    came_back: int
    values: Values
    months: Sequence[CohortMonth]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "month": self.month, "mailboxes": self.mailboxes, "came_back": self.came_back,
            "values": _values(self.values),
            "months": [{"buyers": each.buyers, "values": _values(each.values)} for each in self.months],
        }  # fmt: skip


def _values(values: Values) -> list[dict[str, Any]]:
    return [{"currency": name, "sum": str(amount)} for name, amount in sorted(values.items())]


def cohorts(connection: Connection, rulebook: Rulebook, by: By, period: Period) -> list[Cohort]:
    """The cohorts that began in the period, with all that they did up to `now`; months without any are left out."""
    column = purchases.c.occurred_at if by is By.PURCHASE else promises.c.settled_at
    earliest = connection.scalar(select(func.min(column)))
    first = max(each for each in (earliest, period.since) if each is not None) if earliest is not None else None
    if first is None or first > period.now:
        return []
    months = months_from(first, period.now, rulebook.company.timezone)
    sizes = _sizes(connection, by, period, months)
    bought = _by_month(connection, rulebook, by, period, months)
    names = [name_of(month) for month in months]
    found = []
    for place, name in enumerate(names):
        if name in sizes:
            own = bought.get(name, {})
            each = [own.get(month, CohortMonth()) for month in names[place:]]
            found.append(Cohort(name, *sizes[name], _total(each), each))
    return found


def _total(months: Sequence[CohortMonth]) -> Values:
    total: dict[str, Decimal] = {}
    for month in months:
        for currency, amount in month.values.items():
            total[currency] = total.get(currency, Decimal(0)) + amount
    return total


def _unit(by: By, period: Period) -> CTE:
    """Each client of the mailboxes that began in the period: `customer_id mailbox start`.

    `mailbox` is the least key of its clients: one number, so that what follows joins purchases by the client's index.
    """
    if by is By.PURCHASE:
        column: ColumnElement[Any] = purchases.c.customer_id
        at = type_coerce(purchases.c.occurred_at, BigInteger)
        begun = select(column, func.min(at).label("at")).where(at <= to_micros(period.now))
    else:
        column = promises.c.customer_id
        at = type_coerce(promises.c.settled_at, BigInteger)
        received = (promises.c.state.in_(RECEIVED), promises.c.recipient == "customer", at <= to_micros(period.now))
        begun = select(column, func.min(at).label("at")).where(*received)
    own = begun.group_by(column).cte("own").prefix_with("MATERIALIZED")
    mailbox = func.min(customers.c.id).over(partition_by=mailbox_of(customers)).label("mailbox")
    start = func.min(own.c.at).over(partition_by=mailbox_of(customers)).label("start")
    every = (
        select(customers.c.id.label("customer_id"), mailbox, start)
        .outerjoin_from(customers, own, own.c.customer_id == customers.c.id)
        .subquery("every")
    )
    begun_in = (every.c.start.is_not(None), *in_period(every.c.start, period))
    return select(every).where(*begun_in).cte("unit").prefix_with("MATERIALIZED")


def _sizes(connection: Connection, by: By, period: Period, months: Sequence[datetime]) -> Mapping[str, tuple[int, int]]:
    """By month: mailboxes that began, and those of them that bought later."""
    unit = _unit(by, period)
    at = type_coerce(purchases.c.occurred_at, BigInteger)
    last = (
        select(purchases.c.customer_id, func.max(at).label("at"))
        .where(at <= to_micros(period.now))
        .group_by(purchases.c.customer_id)
        .cte("last")
        .prefix_with("MATERIALIZED")
    )
    each = (
        select(
            month_of(func.min(unit.c.start), months).label("month"),
            (func.max(last.c.at) > func.min(unit.c.start)).label("back"),
        )
        .outerjoin_from(unit, last, last.c.customer_id == unit.c.customer_id)
        .group_by(unit.c.mailbox)
        .subquery("each")
    )
    rows = connection.execute(
        select(each.c.month, func.count(), func.count().filter(each.c.back)).group_by(each.c.month)
    )
    return {str(name): (int(number), int(back)) for name, number, back in rows}


def _by_month(
    connection: Connection, rulebook: Rulebook, by: By, period: Period, months: Sequence[datetime]
) -> Mapping[str, Mapping[str, CohortMonth]]:
    """By the cohort's month and the month of purchases."""
    unit = _unit(by, period)
    at = type_coerce(purchases.c.occurred_at, BigInteger)
    began, bought = month_of(unit.c.start, months).label("began"), month_of(at, months).label("bought")
    value = type_coerce(purchases.c.amount, BigInteger).label("value")
    currency = func.coalesce(purchases.c.currency, literal(rulebook.company.currency)).label("currency")
    each = (
        select(began, bought, unit.c.mailbox, value, currency)
        .join_from(unit, purchases, purchases.c.customer_id == unit.c.customer_id)
        .where(at > unit.c.start, at <= to_micros(period.now))
        .subquery("each")
    )
    keys = (each.c.began, each.c.bought)
    sums = select(*keys, each.c.currency, func.sum(each.c.value), func.count(each.c.mailbox.distinct()))
    values: dict[tuple[str, str], dict[str, Decimal]] = {}
    buyers: dict[tuple[str, str], int] = {}
    several = False
    for began_in, month, currency, value, mailboxes in connection.execute(sums.group_by(*keys, each.c.currency)):
        place = (began_in, month)
        several = several or place in buyers
        buyers[place] = mailboxes
        values.setdefault(place, {})
        if value is not None:
            values[place][currency] = Decimal(int(value)) / MONEY_SCALE
    if several:  # a mailbox can have bought in two currencies in one month
        counts = select(*keys, func.count(each.c.mailbox.distinct())).group_by(*keys)
        buyers = {(began_in, month): number for began_in, month, number in connection.execute(counts)}
    found: dict[str, dict[str, CohortMonth]] = {}
    for (began_in, month), number in buyers.items():
        found.setdefault(began_in, {})[month] = CohortMonth(number, values[began_in, month])
    return found
