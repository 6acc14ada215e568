"""The scene of a rule test: its catalogue, manager, client and history, as rows of a scratch database.

The client has agreed to marketing, and is in no control group unless the test expects it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, assert_never

from sqlalchemy import Connection, Engine, delete, insert, select

from regulars.core import ids
from regulars.core.calendar import instant
from regulars.core.errors import RegularsError
from regulars.db import tables
from regulars.db.engine import open_engine, write
from regulars.db.states import Reason
from regulars.ledger.arms import GLOBAL, variant_by_bucket
from regulars.profile import facts
from regulars.rules import grammar
from regulars.rules.fields import CLIENT_FIELDS, EVENTS, LEARNED, Origin, fields_of
from regulars.rules.model import Campaign, Expectation, FieldType, Rulebook, RuleTest
from regulars.rules.rule_test import MIDDAY, TestEvent, TestPurchase

_CODES = 50
CLIENT = 1
"""The key of the only client."""


def scratch() -> Engine:
    """A database in memory with all tables; it lives as long as the engine, in this thread."""
    engine = open_engine("sqlite://")
    with write(engine) as connection:
        tables.metadata.create_all(connection)
    return engine


def clear(connection: Connection) -> None:
    """Empties every table: like a new database, but compiled statements are kept."""
    for table in reversed(tables.metadata.sorted_tables):
        connection.execute(delete(table))


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the history: the client is created, buys, or has an event."""

    at: datetime
    what: TestPurchase | TestEvent | None
    number: int = 0


@dataclass(frozen=True)
class Scene:
    """A test's instants, in UTC."""

    test: RuleTest
    book: Rulebook
    zone: str
    in_force: datetime
    until: datetime
    history: tuple[Item, ...] = field(default=())

    @classmethod
    def of(cls, test: RuleTest, book: Rulebook) -> Scene:
        """The scene of a test; the rules come into force a day before everything else, unless the test says when."""
        zone = str(test.customer.get("timezone") or book.company.timezone)
        until = instant(test.until, zone)
        happened = [
            Item(instant(each.known if isinstance(each, TestEvent) else each.moment, zone), each, number)
            for each, number in chain(_numbered(test.purchases), _numbered(test.events))
        ]
        known = test.customer.get("created_at")
        moments = [*(each.moment for each in test.purchases), *(each.moment for each in test.events)]
        began = min([instant(each, zone) for each in moments], default=until - timedelta(days=30))
        first = min([item.at for item in happened], default=until - timedelta(days=30))
        arrival = instant(grammar.local_time(str(known), MIDDAY), zone) if known else first
        in_force = instant(test.in_force, zone) if test.in_force else min(arrival, began) - timedelta(days=1)
        history = sorted([Item(min(arrival, first), None), *happened], key=lambda item: item.at)
        return cls(test, book, zone, in_force, until, tuple(history))

    @property
    def day_begins(self) -> datetime:
        """The first instant of the test's day in the client's time zone."""
        return instant(datetime.combine(self.test.until.date(), datetime.min.time()), self.zone)

    def build(self, connection: Connection) -> None:
        """Writes everything but the client: products, their sequences, the manager."""
        skus = self._products(connection)
        for product in self.test.catalogue:
            for rank, following in enumerate(product.next, start=1):
                days = following.after_days or None
                _link(connection, skus, product.sku, "next", following.sku, rank=rank, after_days=days)
            for accessory in product.accessories:
                _link(connection, skus, product.sku, "accessory", accessory)
        self._codes(connection)
        manager, name = self.test.manager, self.test.customer.get("manager")
        if manager is not None or name is not None:
            fields = manager.model_dump() if manager else {"name": name, "email": "manager@example.com"}
            connection.execute(insert(tables.managers).values(id=1, external_id=name or "manager", **fields))

    def _codes(self, connection: Connection) -> None:
        """A few codes in every pool: a test shows the rule, not the stock."""
        forms = chain.from_iterable(campaign.forms for campaign in self.book.campaigns.values())
        offers = (form.offer for form in forms if form.offer)
        for pool in sorted({offer.coupon.pool for offer in offers if offer.coupon.pool}):
            codes = [f"{pool.upper()}-{number}" for number in range(1, _CODES + 1)]
            rows = [{"pool": pool, "code": code, "added_at": self.in_force} for code in codes]
            connection.execute(insert(tables.coupon_codes), rows)

    def _products(self, connection: Connection) -> dict[str, int]:
        declared = {product.sku: product for product in self.test.catalogue}
        linked = chain.from_iterable(
            [*(n.sku for n in p.next), *p.accessories] for p in self.test.catalogue
        )  # fmt: skip
        bought = chain.from_iterable(purchase.products for purchase in self.test.purchases)
        skus = {sku: key for key, sku in enumerate(dict.fromkeys([*declared, *linked, *bought]), start=1)}
        for sku, key in skus.items():
            row: dict[str, Any] = {"id": key, "sku": sku, "name": sku, "currency": self.book.company.currency}
            if sku in declared:
                given = declared[sku].model_dump(exclude={"next", "accessories", "launched_at"})
                row |= {name: value for name, value in given.items() if value is not None}
                launched = declared[sku].launched_at
                row["launched_at"] = instant(grammar.local_time(launched, time()), self.zone) if launched else None
            connection.execute(insert(tables.products).values(row))
        return skus

    def put(self, connection: Connection, item: Item) -> None:
        """Writes one entry of the history, and the data derived from it."""
        match item.what:
            case TestPurchase():
                self._buy(connection, item, item.what)
            case TestEvent():
                row = self._row(item, "event") | {"name": item.what.name, "data": self._data(item.what)}
                row["occurred_at"] = instant(item.what.moment, self.zone)
                connection.execute(insert(tables.events).values(row))
            case None:
                self._arrive(connection, item.at)
        facts.refresh(connection, [CLIENT])

    def _arrive(self, connection: Connection, at: datetime) -> None:
        stated = self.test.customer
        given = {name: self._stored_value(name, stated[name]) for name in fields_of(Origin.COLUMN) if name in stated}
        given = {"external_id": "client", "email": "client@example.com", **given}
        row = {
            **given,
            "id": CLIENT, "email_hash": ids.address_hash(given["email"], b"") if given["email"] else None,
            "manager_id": connection.scalar(select(tables.managers.c.id)),
            "attrs": {key: value for key, value in stated.items() if key in self.book.fields},
            "bucket": bucket(self.test, self.book), "created_at": given.get("created_at") or at, "updated_at": at,
        }  # fmt: skip
        connection.execute(insert(tables.customers).values(row))
        consent = {"customer_id": CLIENT, "topic": "marketing", "granted": True, "at": at, "source": "test"}
        connection.execute(insert(tables.consents).values(consent))
        learned = {name: float(stated[name]) for name in LEARNED if stated.get(name) is not None}
        if learned:
            worth = {"customer_id": CLIENT, **learned, "at": at, "purchases": 0, "spent": Decimal(0)}
            connection.execute(insert(tables.worth).values(worth))

    def _stored_value(self, name: str, value: Any) -> Any:
        """The test's value of a field, as stored in `customers`."""
        if value is None:
            return None
        match CLIENT_FIELDS[name].type:
            case FieldType.DATE:
                return date.fromisoformat(str(value))
            case FieldType.INSTANT:
                return instant(grammar.local_time(str(value), MIDDAY), self.zone)
            case FieldType.TEXT | FieldType.NUMBER | FieldType.BOOL:
                return value
            case kind:
                assert_never(kind)

    def _buy(self, connection: Connection, item: Item, purchase: TestPurchase) -> None:
        row = self._row(item, "purchase") | {
            "id": item.number, "amount": purchase.amount, "currency": self.book.company.currency,
            "quantity": len(purchase.products) or None, "data": {},
        }  # fmt: skip
        connection.execute(insert(tables.purchases).values(row))
        products = tables.products
        for line, sku in enumerate(purchase.products, start=1):
            key = connection.scalar(select(products.c.id).where(products.c.sku == sku))
            bought = {"purchase_id": item.number, "line": line, "product_id": key, "quantity": 1}
            connection.execute(insert(tables.purchase_lines).values(bought))

    def _row(self, item: Item, kind: str) -> dict[str, Any]:
        name = f"{kind}-{item.number}"
        return {"external_id": name, "customer_id": CLIENT, "occurred_at": item.at, "received_at": item.at}

    def _data(self, event: TestEvent) -> dict[str, Any]:
        """The event's data; a local time becomes the instant that an import would have made of it."""
        types: Mapping[str, FieldType] = {**EVENTS.get(event.name, {}), **self.book.events.get(event.name, {})}
        return {
            key: self._utc(value) if types.get(key) is FieldType.INSTANT and isinstance(value, str) else value
            for key, value in event.data.items()
        }

    def _utc(self, text: str) -> str:
        return instant(grammar.local_time(text, MIDDAY), self.zone).astimezone(UTC).isoformat()


def bucket(test: RuleTest, book: Rulebook) -> int:
    """A bucket with which draws give the groups that the test states or expects, and no other group."""
    given = {name: expected for name, expected in test.expect.items() if isinstance(expected, Expectation)}
    drawn = {name: expected.draw for name, expected in given.items() if expected.draw is not None}
    inside = {name for name, expected in given.items() if expected.reason == Reason.HOLDOUT}
    groups = [
        (c.name, c.holdout.share, c.name in inside)
        for c in book.campaigns.values()
        if c.holdout and c.name not in drawn
    ]
    if book.policy.holdout is not None:
        none_at_all = any(expected.reason == Reason.GLOBAL_HOLDOUT for expected in given.values())
        groups.append((GLOBAL, book.policy.holdout.share, none_at_all))
    variants = [
        (c, given[c.name].variant if c.name in given and given[c.name].variant else _first_drawn(c))
        for c in book.campaigns.values()
        if c.variants
    ]
    for number in range(1, 1_000_000):
        if (
            all(ids.share(number, name) == place for name, place in drawn.items())
            and all((ids.share(number, name) < share) is wanted for name, share, wanted in groups)
            and all(variant_by_bucket(number, c.name, c) == wanted for c, wanted in variants)
        ):
            return number
    raise RegularsError(f"{test.name}: no client is in just these control groups")


def _first_drawn(campaign: Campaign) -> str:
    """The first variant into which anybody is drawn."""
    return next(name for name, share in campaign.variant_shares.items() if share)


def _numbered(given: tuple[Any, ...]) -> Iterator[tuple[Any, int]]:
    return zip(given, range(1, len(given) + 1), strict=True)


def _link(
    connection: Connection, skus: Mapping[str, int], sku: str, kind: str, target: str, *, rank: int = 1,
    after_days: int | None = None,
) -> None:  # fmt: skip
    row = {"product_id": skus[sku], "target_id": skus[target], "kind": kind, "rank": rank, "after_days": after_days}
    connection.execute(insert(tables.product_links).values(row))
