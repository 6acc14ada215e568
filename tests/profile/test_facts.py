from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, insert, select, text

from benchmarks.growth import fill
from regulars.db import tables
from regulars.db.engine import dry_run, read, write
from regulars.db.types import DAY, to_micros
from regulars.profile import facts
from tests.common import people
from tests.common.effort import share

START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = 400
COLUMNS = ("customer_id", "purchases", "spent", "first_purchase_at", "last_purchase_at", "rhythm", "next_product_id",
           "next_product_at")  # fmt: skip


@dataclass(frozen=True)
class Bought:
    customer: int
    day: int
    amount: int | None
    products: tuple[int, ...]


@dataclass(frozen=True)
class Shop:
    consumables: frozenset[int]
    links: dict[tuple[int, int], tuple[int, int | None]]
    """(product, target) → rank and days."""
    bought: tuple[Bought, ...]


CUSTOMERS, PRODUCTS = range(1, 5), range(1, 6)

bought = st.builds(
    Bought,
    customer=st.sampled_from(CUSTOMERS),
    day=st.integers(0, HORIZON),
    amount=st.none() | st.integers(0, 500),
    products=st.lists(st.sampled_from(PRODUCTS), max_size=3, unique=True).map(tuple),
)
shops = st.builds(
    Shop,
    consumables=st.frozensets(st.sampled_from(PRODUCTS)),
    links=st.dictionaries(
        st.tuples(st.sampled_from(PRODUCTS), st.sampled_from(PRODUCTS)),
        st.tuples(st.integers(1, 3), st.none() | st.integers(0, 90)),
        max_size=8,
    ),
    bought=st.lists(bought, max_size=12).map(tuple),
)


def expected(shop: Shop, customer: int, until: int = HORIZON) -> tuple[Any, ...]:
    """The facts of one client, worked out the slow way."""
    mine = [b for b in shop.bought if b.customer == customer and b.day <= until]
    if not mine:
        return (customer, 0, Decimal(0), None, None, None, None, None)
    days = [b.day for b in mine]
    rhythm = (max(days) - min(days)) / (len(mine) - 1) if len(mine) > 1 and max(days) > min(days) else None
    last = {p: max(b.day for b in mine if p in b.products) for b in mine for p in b.products}
    open_links = [
        (rank, -last[product], product, target, after)
        for (product, target), (rank, after) in shop.links.items()
        if product in last and (target not in last or target in shop.consumables)
    ]
    following: tuple[Any, ...] = (None, None)
    if open_links:
        _, _, product, target, after = min(open_links, key=lambda link: link[:4])
        since = max(last[product], last.get(target, 0))
        following = (target, START + timedelta(days=since + (facts.USUAL_GAP if after is None else after)))
    spent = Decimal(sum(b.amount or 0 for b in mine))
    at = [START + timedelta(days=d) for d in (min(days), max(days))]
    return (customer, len(mine), spent, *at, rhythm, *following)


def stock(connection: Connection, shop: Shop) -> None:
    for key in CUSTOMERS:
        assert people.add_customer(connection, f"c-{key}", id=key) == key
    for key in PRODUCTS:
        people.add_product(connection, f"p-{key}", id=key, consumable=key in shop.consumables)
    for (product, target), (rank, after) in shop.links.items():
        row = {"product_id": product, "kind": "next", "target_id": target, "rank": rank, "after_days": after}
        connection.execute(insert(tables.product_links).values(row))


def sell(connection: Connection, number: int, one: Bought) -> None:
    row = {
        "id": number,
        "external_id": f"o-{number}",
        "customer_id": one.customer,
        "occurred_at": START + timedelta(days=one.day),
        "received_at": START,
        "amount": None if one.amount is None else Decimal(one.amount),
        "data": {},
    }
    connection.execute(insert(tables.purchases).values(row))
    for line, product in enumerate(one.products, 1):
        at = {"purchase_id": number, "line": line, "product_id": product}
        connection.execute(insert(tables.purchase_lines).values(at))


def rows(connection: Connection, source: Any) -> list[tuple[Any, ...]]:
    """The columns that purchases and declared sequences make; test_traits has the others."""
    columns = [source.c[name] for name in COLUMNS]
    return [tuple(row) for row in connection.execute(select(*columns).order_by(source.c.customer_id))]


@pytest.mark.slow
@settings(max_examples=share(3), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(shop=shops, then=st.integers(0, HORIZON))
def test_refreshing_whom_a_purchase_touches_is_recomputing_everything(engine: Engine, shop: Shop, then: int) -> None:
    with dry_run(engine) as connection:
        stock(connection, shop)
        facts.refresh(connection)
        for number, one in enumerate(shop.bought, 1):
            sell(connection, number, one)
            facts.refresh(connection, [one.customer])
        whole = [expected(shop, key) for key in CUSTOMERS]
        assert rows(connection, tables.facts) == whole
        assert facts.refresh(connection) == 0, "a full recompute finds nothing to mend"
        assert rows(connection, facts.as_of().subquery()) == whole
        at = START + timedelta(days=then)
        assert rows(connection, facts.source(connection, at)) == [expected(shop, key, then) for key in CUSTOMERS]
        for day in (then, 0, HORIZON, then):  # one transaction, asked again and again
            found = facts.materialized(connection, START + timedelta(days=day))
            assert rows(connection, found) == [expected(shop, key, day) for key in CUSTOMERS]
            for place, key in enumerate(CUSTOMERS):
                found = facts.materialized(connection, START + timedelta(days=day), key)
                assert rows(connection, found)[place] == expected(shop, key, day)


def test_without_later_purchases_the_kept_table_is_the_source(engine: Engine) -> None:
    with write(engine) as connection:
        stock(connection, Shop(frozenset(), {}, ()))
        sell(connection, 1, Bought(1, 10, 5, ()))
    with read(engine) as connection:
        assert facts.source(connection, START + timedelta(days=10)) is tables.facts
        earlier = facts.source(connection, START + timedelta(days=10, microseconds=-1))
        assert earlier is not tables.facts
        assert [c.name for c in earlier.c] == [c.name for c in tables.facts.c]
        assert [type(c.type) for c in earlier.c] == [type(c.type) for c in tables.facts.c]


def test_refresh_counts_the_rows_that_changed(engine: Engine) -> None:
    with write(engine) as connection:
        stock(connection, Shop(frozenset(), {}, ()))
        assert facts.refresh(connection) == len(CUSTOMERS)
        sell(connection, 1, Bought(2, 10, 5, ()))
        assert facts.refresh(connection, [1, 2, 999]) == 1
        assert facts.refresh(connection, []) == 0


def test_rhythm_is_the_same_double_everywhere(engine: Engine) -> None:
    with write(engine) as connection:
        stock(connection, Shop(frozenset(), {}, ()))
        for number, day in enumerate((0, 7, 40, 100), 1):
            sell(connection, number, Bought(1, day, 1, ()))
        facts.refresh(connection)
        rhythm = connection.scalar(select(tables.facts.c.rhythm).where(tables.facts.c.customer_id == 1))
    span = to_micros(START + timedelta(days=100)) - to_micros(START)
    assert rhythm == span / (DAY * 3)


def test_everybody_is_computed_in_time_on_tables_that_were_emptied_and_filled_again(postgres_engine: Engine) -> None:
    """They are as large as before and known as empty: nested loops over whole tables would take minutes."""
    with write(postgres_engine) as connection:
        fill(connection, 20_000)
    with write(postgres_engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(text("ANALYZE"))
    with write(postgres_engine) as connection:
        connection.execute(text("SET LOCAL statement_timeout = '30s'"))
        fill(connection, 20_000)
        assert connection.scalar(select(func.count()).select_from(tables.facts)) == 20_000
