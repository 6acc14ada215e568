"""One client with all data that a condition can use, read from the database for explain, preview and tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Connection, FromClause, select

from regulars.audience.computed_fields import COMPUTED, Model, model_in_force
from regulars.audience.segment_members import segments_of
from regulars.db.tables import customers, events, managers, products, purchase_lines, purchases, worth
from regulars.profile import facts
from regulars.rules.fields import CLIENT_FIELDS, ClientField, Origin


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One product of a purchase."""

    sku: str
    category: str | None
    quantity: int
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class PurchaseFact:
    """A purchase with its lines."""

    at: datetime
    amount: Decimal | None = None
    lines: tuple[PurchaseLine, ...] = ()

    @property
    def bought(self) -> frozenset[str]:
        """The skus and categories of its lines."""
        return frozenset(name for line in self.lines for name in (line.sku, line.category) if name is not None)


@dataclass(frozen=True, slots=True)
class EventFact:
    """An event with its data."""

    name: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    external_id: str = ""


@dataclass(slots=True)
class Person:
    """A client. `fields` are as in the database, including the workspace's own; None is unknown.

    `event` is the data of the event that triggered the campaign, with its instant under `at`; `zone` is for
    a client whose own `timezone` is not known.
    """

    fields: dict[str, Any]
    purchases: list[PurchaseFact] = field(default_factory=list)
    events: list[EventFact] = field(default_factory=list)
    event: dict[str, Any] | None = None
    product: Mapping[str, Any] | None = None
    """The row of the product that triggered the campaign."""
    zone: str = "UTC"
    model: Model | None = None
    """The learned purchase model; `p_alive` needs it."""
    was_in: frozenset[str] = frozenset()
    """The segments in which plans found the client, of those that a `left_segment` asks about."""


def load_people(connection: Connection, ids: Sequence[int], now: datetime, zone: str) -> dict[int, Person]:
    """The clients by key, with their facts as of `now`; in five queries, whatever their number."""
    known = facts.source(connection, now)
    columns = {name: column for field in CLIENT_FIELDS.values() for name, column in _columns(field, known)}
    query = (
        select(customers.c.id, customers.c.attrs, *(column.label(name) for name, column in columns.items()))
        .select_from(customers)
        .outerjoin(known, known.c.customer_id == customers.c.id)
        .outerjoin(managers, managers.c.id == customers.c.manager_id)
        .outerjoin(worth, worth.c.customer_id == customers.c.id)
        .where(customers.c.id.in_(ids))
    )
    found: dict[int, Person] = {}
    model = model_in_force(connection)
    for row in connection.execute(query).mappings():
        built_in = {name: value for name, value in row.items() if name not in ("id", "attrs")}
        found[row["id"]] = Person(fields={**(row["attrs"] or {}), **built_in}, zone=zone, model=model)
    for customer, names in segments_of(connection, found, now).items():
        found[customer].was_in = names
    _add_purchases(connection, found)
    _add_events(connection, found)
    return found


def _columns(field: ClientField, known: FromClause) -> Iterator[tuple[str, ColumnElement[Any]]]:
    """The columns to fetch for the field: itself, or the facts from which it is computed."""
    match field.origin:
        case Origin.COLUMN:
            yield field.name, customers.c[field.name]
        case Origin.MANAGER:
            yield field.name, managers.c.external_id
        case Origin.FACT:
            yield field.name, known.c[field.name]
        case Origin.PRODUCT:
            sku = select(products.c.sku).where(products.c.id == known.c[f"{field.name}_id"])
            yield field.name, sku.correlate(known).scalar_subquery()
        case Origin.LEARNED:
            yield field.name, worth.c[field.name]
        case Origin.COMPUTED:
            for name in COMPUTED[field.name].made_of:
                yield name, known.c[name]
        case _:
            assert_never(field.origin)


def _add_purchases(connection: Connection, people: Mapping[int, Person]) -> None:
    of_people = purchases.c.customer_id.in_(list(people))
    lines = (
        select(
            purchase_lines.c.purchase_id,
            products.c.sku,
            products.c.category,
            purchase_lines.c.quantity,
            purchase_lines.c.amount,
        )
        .join(products, products.c.id == purchase_lines.c.product_id)
        .join(purchases, purchases.c.id == purchase_lines.c.purchase_id)
        .where(of_people)
    )
    bought: dict[int, list[PurchaseLine]] = defaultdict(list)
    for purchase, *line in connection.execute(lines):
        bought[purchase].append(PurchaseLine(*line))
    columns = (purchases.c.id, purchases.c.customer_id, purchases.c.occurred_at, purchases.c.amount)
    for key, customer, at, amount in connection.execute(
        select(*columns).where(of_people).order_by(purchases.c.occurred_at)
    ):
        people[customer].purchases.append(PurchaseFact(at, amount, tuple(bought[key])))


def _add_events(connection: Connection, people: Mapping[int, Person]) -> None:
    columns = (events.c.customer_id, events.c.name, events.c.occurred_at, events.c.data, events.c.external_id)
    of_people = events.c.customer_id.in_(list(people))
    for customer, name, at, data, external_id in connection.execute(
        select(*columns).where(of_people).order_by(events.c.occurred_at, events.c.id)
    ):
        people[customer].events.append(EventFact(name, at, data, external_id))
