"""The evidence behind one client's facts: the same counts and links from which `facts.as_of` computes them.

Everything is as of `now`; learned data (links, the model, the worth) are the latest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from regulars.db.tables import buying_model, customers, managers, next_product_model, products, worth
from regulars.profile import next_product, points, traits


@dataclass(frozen=True, slots=True)
class Signals:
    """Counted signals; answers are scaled to 0 to 10. `gaps` are between days with a purchase."""

    discounted: int
    novel: int
    days: int
    gaps: int
    gap_sum: int
    gap_squares: int
    event_count: int
    price_requests: int
    belongings: int
    complaints: int
    referrals: int
    answers: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Next:
    """A link that leads to the next product, from `product` (a sku) bought at `at`; learned ones have numbers.

    A link from a product to itself has how many `times` the client bought it.
    """

    product: str
    at: datetime
    after_days: int | None
    support: int | None = None
    lift: float | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Offering:
    """How the next product is predicted: the method that learning selected (`knowledge.product_prediction`), when."""

    method: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Worth:
    """From how many purchases and what sum a client's worth was computed, and when."""

    at: datetime
    purchases: int
    spent: Decimal


@dataclass(frozen=True, slots=True)
class Evidence:
    """All evidence for one client. `declared` and `links` lead to the next product; at most one of them has any.

    `leading`: whether any of their products has a link to another; `points` are sums by reason;
    `model` is (clients learned from, when).
    """

    signals: Signals
    declared: Next | None
    links: Sequence[Next]
    leading: bool
    accessories: Sequence[str]
    points: Mapping[str, int]
    worth: Worth | None
    model: tuple[int, datetime] | None
    manager: str | None
    offering: Offering | None
    popular: int | None
    """The number of clients who bought the next product within the month before learning, if it is a popular one."""


def of(connection: Connection, customer_id: int, now: datetime) -> Evidence:
    """The evidence for the client's facts at `now`; about ten small queries."""
    declared = next_product.declared_link(connection, customer_id, now)
    links = [] if declared else next_product.learned_links_to_next(connection, customer_id, now)
    missing = next_product.missing_accessories(connection, [customer_id], now).get(customer_id, [])
    earned: dict[str, int] = {}
    for _, each, reason in points.ledger(connection, customer_id, now):
        earned[reason] = earned.get(reason, 0) + each
    made = connection.execute(
        select(worth.c.at, worth.c.purchases, worth.c.spent).where(worth.c.customer_id == customer_id)
    ).first()
    model = connection.execute(select(buying_model.c.clients, buying_model.c.learned_at)).first()
    offering = connection.execute(select(next_product_model.c.method, next_product_model.c.learned_at)).first()
    named = select(managers.c.name).join(customers, customers.c.manager_id == managers.c.id)
    return Evidence(
        _signals(connection, customer_id, now),
        None if declared is None else Next(*declared),
        [Next(*link) for link in links],
        next_product.has_followers(connection, customer_id, now),
        _skus(connection, missing),
        earned,
        None if made is None else Worth(*made),
        None if model is None else (int(model[0]), model[1]),
        connection.scalar(named.where(customers.c.id == customer_id)),
        None if offering is None else Offering(*offering),
        None if declared or links else next_product.popular_buyers(connection, customer_id, now),
    )


def _signals(connection: Connection, customer_id: int, now: datetime) -> Signals:
    parts: list[Any] = [
        part(now, [customer_id]) for part in (traits.purchase_signals, traits.gap_signals, traits.event_signals)
    ]
    joined: Any = customers
    for one in parts:
        joined = joined.outerjoin(one, one.c.customer_id == customers.c.id)
    columns = [column for one in parts for column in one.c if column.name != "customer_id"]
    row = connection.execute(select(*columns).select_from(joined).where(customers.c.id == customer_id)).mappings().one()
    answers = {name: row[name] for name in traits.ANSWERS}
    counted = ("discounted", "novel", "days", "gaps", "gap_sum", "gap_squares", "event_count", "price_requests",
               "belongings", "complaints", "referrals")  # fmt: skip
    return Signals(**{name: int(row[name] or 0) for name in counted}, answers=answers)


def _skus(connection: Connection, keys: Sequence[int]) -> list[str]:
    rows = connection.execute(select(products.c.id, products.c.sku).where(products.c.id.in_(keys)))
    names = {key: str(sku) for key, sku in rows}
    return [names[key] for key in keys]
