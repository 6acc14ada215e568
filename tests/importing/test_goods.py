from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from regulars.db import tables
from regulars.db.engine import read
from regulars.importing.report import Kind
from tests.importing.conftest import Desk

HEADER = "sku,name,category,price,currency,url,consumable,next,accessories\n"
CATALOGUE = HEADER + (
    'mower,Verde M46,machines,"420,50",EUR,https://verde.example/mower,no,chainsaw:60 days; trimmer:90,oil; cover\n'
    "chainsaw,Verde C35,machines,260,EUR,,no,trimmer,\n"
    "trimmer,,,,,,,,\n"
    "oil,Oil,,9,EUR,,yes,oil:30,\n"
    "cover,Cover,,,,,,,\n"
)


def links(desk: Desk) -> list[tuple[Any, ...]]:
    source, target = tables.products.alias(), tables.products.alias()
    link = tables.product_links.c
    query = (
        select(source.c.sku, link.kind, target.c.sku, link.rank, link.after_days)
        .join_from(tables.product_links, source, source.c.id == link.product_id)
        .join(target, target.c.id == link.target_id)
        .order_by(source.c.sku, link.kind, link.rank)
    )
    with read(desk.engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_products_and_the_links_between_them(desk: Desk) -> None:
    report = desk.bring(Kind.PRODUCTS, CATALOGUE, currency="MDL")
    assert (report.added, report.refused, report.bad) == (5, 0, [])
    assert desk.rows(tables.products, "sku", "name", "price", "currency", "consumable")[:3] == [
        ("mower", "Verde M46", 420.5, "EUR", False),
        ("chainsaw", "Verde C35", 260, "EUR", False),
        ("trimmer", "trimmer", None, "MDL", False),
    ]
    assert links(desk) == [
        ("chainsaw", "next", "trimmer", 1, None),
        ("mower", "accessory", "oil", 1, None),
        ("mower", "accessory", "cover", 2, None),
        ("mower", "next", "chainsaw", 1, 60),
        ("mower", "next", "trimmer", 2, 90),
        ("oil", "next", "oil", 1, 30),
    ]
    again = desk.bring(Kind.PRODUCTS, CATALOGUE)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 5)
    assert len(links(desk)) == 6


def test_stated_links_replace_the_old_ones_and_an_empty_cell_keeps_them(desk: Desk) -> None:
    desk.bring(Kind.PRODUCTS, CATALOGUE)
    desk.bring(Kind.PRODUCTS, "sku,next,accessories\nmower,trimmer:10,\nchainsaw,-,\n")
    assert links(desk) == [
        ("mower", "accessory", "oil", 1, None),
        ("mower", "accessory", "cover", 2, None),
        ("mower", "next", "trimmer", 1, 10),
        ("oil", "next", "oil", 1, 30),
    ]


def test_a_link_to_a_product_nobody_knows_is_named_and_the_product_is_in(desk: Desk) -> None:
    report = desk.bring(Kind.PRODUCTS, "sku,next\nmower,chainsow:60\nchainsaw,\n")
    (fault,) = report.bad
    assert (fault.line, fault.column, fault.value) == (2, "next", "chainsow")
    assert fault.reason == "product `chainsow` is not known; `mower` is in, without this link"
    assert fault.hint == "did you mean `chainsaw`?"
    assert (report.added, report.refused, links(desk)) == (2, 0, [])


def test_json_lines_state_links_as_objects(desk: Desk) -> None:
    lines = ['{"sku": "mower", "next": [{"sku": "saw", "after_days": 60}, "oil"]}', '{"sku": "saw"}', '{"sku": "oil"}']
    desk.bring(Kind.PRODUCTS, "\n".join(lines), "products.jsonl")
    assert links(desk) == [("mower", "next", "saw", 1, 60), ("mower", "next", "oil", 2, None)]


def test_new_links_reach_the_facts_of_those_who_bought(desk: Desk) -> None:
    def following() -> list[tuple[Any, ...]]:
        return desk.rows(tables.facts, "next_product_id", "next_product_at")

    desk.bring(Kind.PRODUCTS, "sku,consumable\nmower,no\nsaw,no\noil,no\n")
    desk.bring(Kind.CUSTOMERS, "id\nc-1\nc-2\n")
    desk.bring(Kind.PURCHASES, "customer,date,product\nc-1,2026-01-01,mower\nc-1,2026-01-02,oil\n")
    bought = datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert following() == [(None, None), (None, None)]
    desk.bring(Kind.PRODUCTS, "sku,next\nmower,saw:60\n")
    assert following() == [(2, bought + timedelta(days=60)), (None, None)]
    desk.bring(Kind.PRODUCTS, "sku,next\nmower,saw:5\n")
    assert following() == [(2, bought + timedelta(days=5)), (None, None)]
    desk.bring(Kind.PRODUCTS, "sku,next\nmower,oil:7\n")
    assert following() == [(None, None), (None, None)], "oil has been bought"
    desk.bring(Kind.PRODUCTS, "sku,consumable\noil,yes\n")
    assert following() == [(3, bought + timedelta(days=8)), (None, None)], "but it is used up"


def test_a_launch_day_begins_at_midnight_and_makes_early_buyers_lovers_of_novelties(desk: Desk) -> None:
    desk.bring(Kind.PRODUCTS, "sku,launched_at\nmower,2026-06-01\nsaw,2026-06-01 15:30\n", timezone="Europe/Chisinau")
    assert desk.rows(tables.products, "sku", "launched_at") == [
        ("mower", datetime(2026, 5, 31, 21, tzinfo=UTC)),
        ("saw", datetime(2026, 6, 1, 12, 30, tzinfo=UTC)),
    ]
    desk.bring(Kind.CUSTOMERS, "id,email\nann,ann@shop.example\n")
    desk.bring(Kind.PURCHASES, "customer,occurred_at,products\nann,2026-06-02,mower\n")
    assert desk.rows(tables.facts, "novelty_score") == [(1.0,)]
    desk.bring(Kind.PRODUCTS, '{"sku": "mower", "launched_at": "2019-01-01"}\n', "old.jsonl")
    assert desk.rows(tables.facts, "novelty_score") == [(0.0,)]
    refused = desk.bring(Kind.PRODUCTS, "sku,launched_at\nmower,1970-01-01\n")
    assert refused.bad[0].column == "launched_at"
