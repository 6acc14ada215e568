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

from sqlalchemy import BigInteger, Connection, Subquery, func, literal, select, type_coerce

from regulars.db.tables import customers, promises, purchases
from regulars.db.types import MONEY_SCALE, from_micros, to_micros
from regulars.insights.attribution import RECEIVED, Period
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
    begun = _begun(by, period)
    first = connection.scalar(select(func.min(begun.selected_columns.start)))
    if first is None:
        return []
    months = months_from(from_micros(first), period.now, rulebook.company.timezone)
    unit = begun.cte("unit")
    sizes = _sizes(connection, unit, months)
    later = _later(unit, rulebook, period)
    back = _came_back(connection, later, months)
    bought = _by_month(connection, later, months)
    names = [name_of(month) for month in months]
    found = []
    for place, name in enumerate(names):
        if name in sizes:
            own = bought.get(name, {})
            each = [own.get(month, CohortMonth()) for month in names[place:]]
            found.append(Cohort(name, sizes[name], back.get(name, 0), _total(each), each))
    return found


def _total(months: Sequence[CohortMonth]) -> Values:
    total: dict[str, Decimal] = {}
    for month in months:
        for currency, amount in month.values.items():
            total[currency] = total.get(currency, Decimal(0)) + amount
    return total


def _begun(by: By, period: Period) -> Any:
    """`mailbox` and `start`: when it first bought, or first got an email, if that is in the period."""
    table = purchases if by is By.PURCHASE else promises
    at = type_coerce(purchases.c.occurred_at if by is By.PURCHASE else promises.c.settled_at, BigInteger)
    start = func.min(at)
    query: Any = select(mailbox_of(customers).label("mailbox"), start.label("start"))
    query = query.join_from(table, customers, customers.c.id == table.c.customer_id)
    query = query.where(at <= to_micros(period.now))
    if by is By.EMAIL:
        query = query.where(promises.c.state.in_(RECEIVED), promises.c.recipient == "customer")
    query = query.group_by(mailbox_of(customers))
    if period.since is not None:
        query = query.having(start >= to_micros(period.since))
    return query if period.until is None else query.having(start < to_micros(period.until))


def _sizes(connection: Connection, unit: Any, months: Sequence[datetime]) -> Mapping[str, int]:
    each = select(month_of(unit.c.start, months).label("month")).subquery("each")
    rows = connection.execute(select(each.c.month, func.count()).group_by(each.c.month))
    return {str(name): int(number) for name, number in rows}


def _later(unit: Any, rulebook: Rulebook, period: Period) -> Subquery:
    """Purchases after the beginning: `mailbox start at value currency`."""
    at = type_coerce(purchases.c.occurred_at, BigInteger)
    currency = func.coalesce(purchases.c.currency, literal(rulebook.company.currency))
    return (
        select(
            unit.c.mailbox, unit.c.start, at.label("at"),
            type_coerce(purchases.c.amount, BigInteger).label("value"), currency.label("currency"),
        )
        .join_from(purchases, customers, customers.c.id == purchases.c.customer_id)
        .join(unit, unit.c.mailbox == mailbox_of(customers))
        .where(at > unit.c.start, at <= to_micros(period.now))
        .subquery("later")
    )  # fmt: skip


def _came_back(connection: Connection, later: Subquery, months: Sequence[datetime]) -> Mapping[str, int]:
    each = select(month_of(later.c.start, months).label("month"), later.c.mailbox).subquery("each")
    rows = connection.execute(select(each.c.month, func.count(each.c.mailbox.distinct())).group_by(each.c.month))
    return {str(name): int(number) for name, number in rows}


def _by_month(
    connection: Connection, later: Subquery, months: Sequence[datetime]
) -> Mapping[str, Mapping[str, CohortMonth]]:
    """By the cohort's month and the month of purchases."""
    began, bought = month_of(later.c.start, months).label("began"), month_of(later.c.at, months).label("bought")
    each = select(began, bought, later.c.mailbox, later.c.value, later.c.currency).subquery("each")
    keys = [each.c.began, each.c.bought]
    found: dict[str, dict[str, CohortMonth]] = {}
    buyers = select(each.c.began, each.c.bought, func.count(each.c.mailbox.distinct())).group_by(*keys)
    for start, month, number in connection.execute(buyers):
        found.setdefault(start, {})[month] = CohortMonth(int(number), {})
    amounts_of = select(each.c.began, each.c.bought, each.c.currency, func.sum(each.c.value))
    sums = amounts_of.where(each.c.value.is_not(None))
    values: dict[tuple[str, str], dict[str, Decimal]] = {}
    for start, month, currency, value in connection.execute(sums.group_by(*keys, each.c.currency)):
        values.setdefault((start, month), {})[currency] = Decimal(int(value)) / MONEY_SCALE
    for (start, month), amounts in values.items():
        found[start][month] = CohortMonth(found[start][month].buyers, amounts)
    return found
