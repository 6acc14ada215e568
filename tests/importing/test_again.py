"""Importing twice is importing once, and a file in parts is the whole file."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from regulars.core.calendar import local_date
from regulars.db import tables
from regulars.db.engine import read, write
from regulars.importing.options import ImportOptions
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from tests.common.data import cdnow
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=12)

orders = st.lists(
    st.tuples(
        st.sampled_from(["c-1", "c-2", "bo@client.example", "nobody"]),
        st.sampled_from(["2026-01-01", "02.01.2026", "2026-01-03 10:00", "soon"]),
        st.sampled_from(["", "5", "5,50", "-1"]),
        st.sampled_from(["", "mower", "mower; oil×2"]),
    ),
    max_size=10,
)


def shop(desk: Desk) -> None:
    with write(desk.engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))
    desk.bring(Kind.CUSTOMERS, "id,email\nc-1,ana@client.example\nc-2,bo@client.example\n")


def content(desk: Desk) -> dict[str, list[Any]]:
    """Everything that an import writes, without surrogate keys."""
    customer, product, purchase = tables.customers.c, tables.products.c, tables.purchases.c
    fact, line = tables.facts.c, tables.purchase_lines.c
    queries = {
        "purchases": select(purchase.external_id, customer.external_id, purchase.occurred_at, purchase.amount)
        .join_from(tables.purchases, tables.customers)
        .order_by(purchase.external_id),
        "lines": select(purchase.external_id, line.line, product.sku, line.quantity, line.amount)
        .join_from(tables.purchase_lines, tables.purchases)
        .join(tables.products, product.id == line.product_id)
        .order_by(purchase.external_id, line.line),
        "facts": select(customer.external_id, fact.purchases, fact.spent, fact.last_purchase_at, fact.rhythm)
        .join_from(tables.facts, tables.customers)
        .order_by(customer.external_id),
    }
    with read(desk.engine) as connection:
        return {name: [tuple(row) for row in connection.execute(query)] for name, query in queries.items()}


@pytest.mark.slow
@SHARED
@given(rows=orders)
def test_importing_twice_is_importing_once(desk: Desk, rows: list[tuple[str, ...]]) -> None:
    shop(desk)
    file = "\n".join(["customer,date,amount,products", *(",".join(f'"{cell}"' for cell in row) for row in rows)])
    first = desk.bring(Kind.PURCHASES, file)
    once = content(desk)
    again = desk.bring(Kind.PURCHASES, file, batch=3)
    assert content(desk) == once
    assert (again.added, again.changed, again.unchanged) == (0, 0, first.added)
    assert again.bad == first.bad
    assert first.added + first.refused == first.rows == len(rows)


@pytest.mark.slow
@SHARED
@given(rows=orders, cut=st.integers(0, 10))
def test_a_file_in_two_parts_is_the_whole_file(desk: Desk, rows: list[tuple[str, ...]], cut: int) -> None:
    numbered = [f"{number}," + ",".join(f'"{cell}"' for cell in row) for number, row in enumerate(rows)]
    header = "id,customer,date,amount,products"
    shop(desk)
    desk.bring(Kind.PURCHASES, "\n".join([header, *numbered]))
    whole = content(desk)
    shop(desk)
    for part in (numbered[cut:], numbered[:cut]):
        desk.bring(Kind.PURCHASES, "\n".join([header, *part]), batch=2)
    assert content(desk) == whole


def test_equal_rows_are_two_purchases_and_stay_two(desk: Desk) -> None:
    shop(desk)
    row = "c-1,2026-01-01,5\n"
    assert desk.bring(Kind.PURCHASES, "customer,date,amount\n" + row * 2, batch=1).added == 2
    assert desk.bring(Kind.PURCHASES, "customer,date,amount\n" + row * 2).unchanged == 2
    assert desk.bring(Kind.PURCHASES, "customer,date,amount\n" + row * 3).added == 1


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_row_keeps_its_id_when_written_differently(sqlite_desk: Desk, zone: str) -> None:
    shop(sqlite_desk)
    sqlite_desk.bring(Kind.PURCHASES, "customer,date,amount\nc-1,2026-01-31,5.50\n")
    report = sqlite_desk.bring(Kind.PURCHASES, 'client;day;сумма\nc-1;31.01.2026;"5,5"\n', timezone=zone)
    assert report.added == 0


def test_what_was_written_before_an_import_broke_off_is_not_written_again(desk: Desk) -> None:
    shop(desk)
    rows = [f"c-1,2026-01-01,{n}" for n in range(1, 41)]
    file = "\n".join(["customer,date,amount", *rows])

    def break_off(done: int, whole: int) -> None:
        if done >= whole:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.bring(Kind.PURCHASES, file, batch=10, progress=break_off)
    assert desk.rows(tables.facts, "purchases") == [(10,), (0,)], "facts are right after every batch"
    report = desk.bring(Kind.PURCHASES, file)
    assert (report.added, report.unchanged) == (30, 10)
    assert desk.rows(tables.facts, "purchases") == [(40,), (0,)]


def lines(name: str, count: int) -> Iterator[str]:
    yield "id,email,first_name\n"
    for number in range(count):
        yield f"{name}-{number},{name}-{number}@client.example,Person {number}\n"


def peak(engine: Engine, path: Path) -> int:
    """The most memory that Python held while the file was imported, in bytes."""
    tracemalloc.start()
    try:
        import_file(engine, Kind.CUSTOMERS, path, now=NOW, secret=SECRET, options=ImportOptions(batch=500))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(sqlite_engine: Engine, tmp_path: Path) -> None:
    for name, count in (("warm", 1_000), ("small", 5_000), ("large", 20_000)):
        with (tmp_path / f"{name}.csv").open("w") as file:
            file.writelines(lines(name, count))
    peak(sqlite_engine, tmp_path / "warm.csv")
    small, large = (peak(sqlite_engine, tmp_path / f"{name}.csv") for name in ("small", "large"))
    assert large < 5_000_000
    assert large - small < 2_000_000, "15,000 rows more; held, they would take 13 MB"


def one_in_ten(folder: Path) -> list[tuple[str, str, int, Decimal]]:
    """Every tenth client of the CDNOW shop: who, day, CDs, dollars."""
    _, purchases = cdnow(folder)
    with purchases.open(newline="") as file:
        rows = [
            (r["customer"], r["occurred_at"], int(r["quantity"]), Decimal(r["amount"])) for r in csv.DictReader(file)
        ]
    return [row for row in rows if row[0].endswith("4")]


@pytest.mark.slow
def test_real_purchases_of_a_shop(desk: Desk, tmp_path: Path) -> None:
    rows = one_in_ten(tmp_path)
    clients = {who for who, *_ in rows}
    assert len(clients) == 2_357
    people = "\n".join(["id", *sorted(clients)])
    sales = "\n".join(["who,day,cds,dollars", *(",".join(map(str, row)) for row in rows)])
    mapping = {"who": "customer", "cds": "quantity", "dollars": "amount"}
    assert desk.bring(Kind.CUSTOMERS, people).added == len(clients)
    report = desk.bring(Kind.PURCHASES, sales, mapping=mapping)
    assert (report.rows, report.added, report.refused) == (len(rows), len(rows), 0)
    assert desk.bring(Kind.PURCHASES, sales, mapping=mapping).unchanged == len(rows)
    expected: dict[str, tuple[int, Decimal, str, str]] = {}
    for who, day, _, dollars in rows:
        count, spent, first, last = expected.get(who, (0, Decimal(0), day, day))
        expected[who] = (count + 1, spent + dollars, min(first, day), max(last, day))
    customer, fact = tables.customers.c, tables.facts.c
    query = select(
        customer.external_id, fact.purchases, fact.spent, fact.first_purchase_at, fact.last_purchase_at
    ).join_from(tables.facts, tables.customers)
    with read(desk.engine) as connection:
        found = {
            who: (count, spent, str(local_date(first, "Europe/Chisinau")), str(local_date(last, "Europe/Chisinau")))
            for who, count, spent, first, last in connection.execute(query)
        }
    assert found == expected
