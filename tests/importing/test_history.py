from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from regulars.db import tables
from regulars.importing.report import Kind
from tests.importing.conftest import NOW, Desk

PURCHASE = ("external_id", "amount", "currency", "quantity")


@pytest.fixture
def shop(desk: Desk) -> Desk:
    desk.bring(Kind.CUSTOMERS, "id,email\nc-1,ana@client.example\nc-2,bo@client.example\n")
    desk.bring(Kind.PRODUCTS, "sku,name\nmower,Mower\noil,Oil\n")
    return desk


def test_rows_of_one_order_are_one_purchase(shop: Desk) -> None:
    content = (
        "Invoice,Customer ID,Invoice Date,StockCode,Description,Quantity,Unit Price\n"
        "536365,c-1,2026-05-01 08:26,mower,,1,420.50\n"
        "536365,c-1,2026-05-01 08:26,oil,,6,9\n"
        "536366,c-2,2026-05-02,saw,Saw C35,2,100\n"
    )
    report = shop.bring(Kind.PURCHASES, content, currency="GBP")
    assert (report.rows, report.added, report.refused) == (3, 2, 0)
    assert report.notes == (
        "1 products were not known and have been made, named by what the file says: import products to complete them",
    )
    assert shop.rows(tables.purchases, *PURCHASE, "received_at") == [
        ("536365", Decimal("474.5"), "GBP", 7, NOW),
        ("536366", 200, "GBP", 2, NOW),
    ]
    assert shop.rows(tables.purchase_lines, "line", "product_id", "quantity", "amount") == [
        (1, 1, 1, Decimal("420.5")),
        (2, 2, 6, 54),
        (1, 3, 2, 200),
    ]
    assert shop.rows(tables.products, "sku", "name")[2] == ("saw", "Saw C35")
    assert shop.rows(tables.facts, "purchases", "spent") == [(1, Decimal("474.5")), (1, 200)]


def test_a_total_may_stand_on_the_first_row_or_on_each(shop: Desk) -> None:
    rows = ["A,c-1,2026-05-01,mower,100", "A,,,oil,", "B,c-1,2026-05-02,oil,7", "B,c-1,2026-05-02,oil,7", "C,,,oil,"]
    report = shop.bring(Kind.PURCHASES, "\n".join(["order,client,date,product,total", *rows]))
    assert (report.added, report.refused, report.bad[0].reason) == (2, 1, "does not say which customer")
    assert sorted(shop.rows(tables.purchases, *PURCHASE)) == [("A", 100, None, 2), ("B", 7, None, 2)]


def test_a_cell_of_several_products(shop: Desk) -> None:
    shop.bring(Kind.PURCHASES, "id,customer,date,total,products\nA,c-1,2026-05-01,50,mower; oil×2\n")
    assert shop.rows(tables.purchases, *PURCHASE) == [("A", 50, None, 3)]
    assert shop.rows(tables.purchase_lines, "product_id", "quantity", "amount") == [(1, 1, None), (2, 2, None)]


def test_json_lines_carry_lines_and_data(shop: Desk) -> None:
    line = (
        '{"id": "A", "email": "ANA@client.example", "at": "x", "date": "2026-05-01T10:00:00Z", "amount": 19.9,'
        ' "currency": "eur", "products": [{"sku": "oil", "quantity": 2, "price": "9.95"}],'
        ' "data": {"till": 3, "note": "née"}}'
    )
    assert shop.bring(Kind.PURCHASES, line, "purchases.jsonl").added == 1
    assert shop.bring(Kind.PURCHASES, line, "purchases.jsonl").unchanged == 1
    assert shop.rows(tables.purchases, *PURCHASE, "data", "customer_id") == [
        ("A", Decimal("19.9"), "EUR", 2, {"till": 3, "note": "née"}, 1)
    ]
    assert shop.rows(tables.purchase_lines, "quantity", "amount") == [(2, Decimal("19.9"))]


def test_a_purchase_that_changed_is_changed_with_its_lines_and_the_facts_of_both_clients(shop: Desk) -> None:
    header = "id,customer,date,product,line total\n"
    shop.bring(Kind.PURCHASES, header + "A,c-1,2026-05-01,mower,400\nA,c-1,2026-05-01,oil,9\n")
    fewer = header + "A,c-1,2026-05-01,mower,400\n"
    report = shop.bring(Kind.PURCHASES, fewer)
    assert (report.added, report.changed) == (0, 1)
    assert shop.rows(tables.purchase_lines, "product_id") == [(1,)]
    assert shop.rows(tables.facts, "purchases", "spent") == [(1, 400), (0, 0)]
    assert shop.bring(Kind.PURCHASES, fewer).unchanged == 1
    shop.bring(Kind.PURCHASES, fewer.replace("c-1", "c-2"))
    assert shop.rows(tables.facts, "purchases", "spent") == [(0, 0), (1, 400)]
    lines_only = shop.bring(Kind.PURCHASES, "id,customer,date,product\nA,c-2,2026-05-01,oil\n")
    assert lines_only.changed == 1
    assert shop.rows(tables.purchase_lines, "product_id", "amount") == [(2, None)]


def test_a_bare_date_is_noon_on_the_company_clock(shop: Desk) -> None:
    shop.bring(Kind.PURCHASES, "customer,day\nc-1,2026-03-29\n", timezone="Pacific/Kiritimati")
    assert shop.rows(tables.purchases, "occurred_at") == [(datetime(2026, 3, 28, 22, tzinfo=UTC),)]


def test_an_address_that_two_clients_share_does_not_say_whose_it_is(shop: Desk) -> None:
    shop.bring(Kind.CUSTOMERS, "id,email\nc-3,Ana@client.example\n")
    report = shop.bring(Kind.PURCHASES, "email,day\nana@client.example,2026-03-29\nbo@client.example,2026-03-29\n")
    assert (report.added, report.bad[0].reason) == (1, "2 customers have the address `ana@client.example`")


def test_events_of_declared_types(shop: Desk) -> None:
    content = (
        "customer,event,date,service,starts_at,score,topic,agreements,data\n"
        'c-1,visit.booked,2026-06-01 10:00,Sharpening,2026-06-12 11:30,,,,"{""floor"": 2}"\n'
        "bo@client.example,survey.answered,2026-06-02,,,9,,,\n"
        "c-2,meeting.completed,2026-06-03,,,,Spring,call; write,\n"
        "c-2,meeting.complete,2026-06-03,,,,,,\n"
    )
    report = shop.bring(Kind.EVENTS, content)
    assert (report.added, report.refused) == (4, 0)
    assert report.notes == (
        "1 rows have the event `meeting.complete`, which the rules do not declare; did you mean `meeting.completed`?",
    )
    assert shop.rows(tables.events, "customer_id", "name", "data") == [
        (1, "visit.booked", {"service": "Sharpening", "starts_at": "2026-06-12T08:30:00+00:00", "floor": 2}),
        (2, "survey.answered", {"score": 9}),
        (2, "meeting.completed", {"topic": "Spring", "agreements": ["call", "write"]}),
        (2, "meeting.complete", {}),
    ]
    assert shop.bring(Kind.EVENTS, content).unchanged == 4


def test_an_event_with_an_id_may_change_its_data(shop: Desk) -> None:
    line = '{"id": "e-1", "customer": "c-1", "event": "survey.answered", "date": "2026-06-01", "data": {"score": "7"}}'
    shop.bring(Kind.EVENTS, line, "events.jsonl")
    assert shop.rows(tables.events, "external_id", "data") == [("e-1", {"score": 7})]
    assert shop.bring(Kind.EVENTS, line.replace("7", "8"), "events.jsonl").changed == 1
    assert shop.rows(tables.events, "data") == [({"score": 8},)]
