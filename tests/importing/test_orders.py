"""Orders as shops export them: statuses, refunds, further lines, amounts in cents, decimal commas."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regulars.db import tables
from regulars.importing import numbers
from regulars.importing.report import Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_rows
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk

BOUGHT = ("external_id", "amount")
LINES = ("purchase_id", "line", "quantity", "amount")
SHOP = (
    "Name,Email,Financial Status,Paid at,Accepts Marketing,Currency,Subtotal,Shipping,Total,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount,Id\n"
    "#1,ana@client.example,paid,2026-05-01 10:00:00 +0200,yes,EUR,100.89,5.00,105.89,0.00,2026-05-01 09:59:00 +0200,"
    "1,Matcha,62.95,MAT,,0.00,555\n"
    "#1,ana@client.example,,,,,,,,,2026-05-01 09:59:00 +0200,2,Tea,18.97,TEA,,,\n"
    "#2,bo@client.example,refunded,2026-05-02 10:00:00 +0200,no,EUR,50,0,50,0,2026-05-02 09:59:00 +0200,"
    "1,Matcha,50.00,MAT,2026-05-03 10:00:00 +0200,50.00,556\n"
    "#3,nobody@client.example,voided,,no,EUR,70,0,70,0,2026-05-03 09:59:00 +0200,1,Matcha,70.00,MAT,,0.00,557\n"
    "#4,bo@client.example,partially_refunded,2026-05-04 10:00:00 +0200,no,EUR,50,0,50,0,2026-05-04 09:59:00 +0200,"
    "1,Matcha,50.00,MAT,,12.50,558\n"
)


@pytest.fixture
def shop(desk: Desk) -> Desk:
    desk.bring(Kind.CUSTOMERS, "id,email\nc-1,ana@client.example\nc-2,bo@client.example\n")
    return desk


@pytest.fixture
def till(sqlite_desk: Desk) -> Desk:
    sqlite_desk.bring(Kind.CUSTOMERS, "id,email\nc-1,ana@client.example\nc-2,bo@client.example\n")
    return sqlite_desk


def test_an_export_of_a_shop_counts_what_was_paid_and_kept(shop: Desk) -> None:
    report = shop.bring(Kind.PURCHASES, SHOP)
    assert (report.rows, report.added, report.refused) == (5, 2, 0)
    assert shop.rows(tables.purchases, *BOUGHT) == [("555", Decimal("105.89")), ("558", Decimal("37.5"))]
    assert shop.rows(tables.purchase_lines, *LINES)[:2] == [
        (1, 1, 1, Decimal("62.95")),
        (1, 2, 2, Decimal("37.94")),
    ]
    assert report.notes[0] == ("2 orders are no purchases by their status: cancelled, failed, not paid yet or refunded")
    assert shop.bring(Kind.PURCHASES, SHOP).unchanged == 2


def test_a_later_refund_takes_back_a_known_purchase_with_its_facts(shop: Desk) -> None:
    header = "id,email,date,status,total,refunded,product\n"
    shop.bring(Kind.PURCHASES, header + "A,ana@client.example,2026-05-01,completed,100,,mower\n")
    assert shop.rows(tables.facts, "purchases", "spent") == [(1, 100), (0, 0)]
    less = shop.bring(Kind.PURCHASES, header + "A,ana@client.example,2026-05-01,completed,100,30,mower\n")
    assert (less.changed, shop.rows(tables.facts, "spent")) == (1, [(70,), (0,)])
    called = shop.bring(Kind.PURCHASES, header + "A,ana@client.example,2026-05-01,Refunded,100,40,mower\n")
    assert (called.changed, shop.rows(tables.facts, "spent")) == (1, [(60,), (0,)])
    assert called.notes == ("1 orders are called refunded, but less than their amount was paid back; the rest counts",)
    back = shop.bring(Kind.PURCHASES, header + "A,ana@client.example,2026-05-01,Refunded,100,,mower\n")
    assert (back.changed, back.refused) == (1, 0)
    assert "1 known purchases were taken back: their orders are cancelled or refunded now" in back.notes
    assert shop.rows(tables.purchases, *BOUGHT) == shop.rows(tables.purchase_lines, *LINES) == []
    assert shop.rows(tables.facts, "purchases", "spent") == [(0, 0), (0, 0)]
    shop.bring(Kind.PURCHASES, header + "B,ana@client.example,2026-05-01,completed,100,,mower\n")
    whole = shop.bring(Kind.PURCHASES, header + "B,ana@client.example,2026-05-01,completed,100,100,mower\n")
    assert (whole.changed, shop.rows(tables.purchases, *BOUGHT)) == (1, [])


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("completed", 1), ("wc-completed", 1), ("Closed Won", 1), ("Payment accepted", 1), ("оплачен", 1), ("", 1),
        ("cancelled", 0), ("failed", 0), ("Pending payment", 0), ("closedlost", 0), ("on-hold", 0), ("Voided", 0),
        ("Payment error", 0), ("Refunded", 0), ("anulată", 0), ("Sent back", None), ("partially_paid", None),
    ],
)  # fmt: skip
def test_what_a_status_means(till: Desk, status: str, counts: int | None) -> None:
    report = till.bring(
        Kind.PURCHASES, f"id,email,date,total,order status\nA,ana@client.example,2026-05-01,9,{status}\n"
    )
    assert len(till.rows(tables.purchases, "id")) == (counts or 0)
    assert report.refused == (counts is None)
    if counts is None:
        assert report.bad[0].hint == (
            f'say whether such an order counts: `--status "{status}=paid"`, `=unpaid` or `=refunded`'
        )


def test_the_user_says_what_a_status_means(till: Desk) -> None:
    rows = "A,ana@client.example,2026-05-01,9,Sent back\nB,bo@client.example,2026-05-01,9,Ok!\n"
    content = f"id,email,date,total,status\n{rows}"
    report = till.bring(Kind.PURCHASES, content, statuses={"sent-back": "refunded", "Ok!": "paid"})
    assert (report.refused, till.rows(tables.purchases, *BOUGHT)) == (0, [("B", 9)])


def test_a_no_in_either_of_two_statuses_holds_and_a_part_needs_its_amount(till: Desk) -> None:
    content = (
        "id,email,date,total,status,payment status,cancelled\n"
        "A,ana@client.example,2026-05-01,9,shipped,refunded,\nB,ana@client.example,2026-05-01,9,shipped,paid,yes\n"
        "C,ana@client.example,2026-05-01,9,shipped,partially refunded,no\n"
        "D,bo@client.example,2026-05-01,9,shipped,paid,\n"
    )
    report = till.bring(Kind.PURCHASES, content)
    assert till.rows(tables.purchases, *BOUGHT) == [("D", 9)]
    assert [(bad.line, bad.reason) for bad in report.bad] == [(4, "was refunded in part, but no cell says how much")]


def test_a_status_that_the_rules_declare_is_kept_with_the_purchase(till: Desk) -> None:
    from regulars.rules.model import FieldType

    events = {"purchase": {"status": FieldType.TEXT}}
    content = "id,email,date,total,status\nA,ana@client.example,2026-05-01,9,shipped\n"
    till.bring(Kind.PURCHASES, content, events=events)
    assert till.rows(tables.purchases, "data") == [({"status": "shipped"},)]


def test_further_lines_of_an_order_leave_the_id_empty(till: Desk) -> None:
    content = (
        "Order ID,Email,Date,Item,Qty,Price\n"
        ",bo@client.example,2026-05-01,MOW,1,9\n"
        "A1,ana@client.example,2026-05-02,MOW,1,100.00\n,,,OIL,2,25.00\n"
        "A2,bo@client.example,2026-05-03,MOW,1,100.00\n,ana@client.example,2026-05-04,MOW,1,7\n"
        "A3,bo@client.example,2026-05-05,MOW,1,100.00\n,,,OIL,x,7\n"
    )
    report = till.bring(Kind.PURCHASES, content)
    assert till.rows(tables.purchases, *BOUGHT) == [("A1", 150), ("A2", 100)]
    assert [(bad.line, bad.reason) for bad in report.bad] == [
        (2, "has no id"),
        (6, "has no id"),
        (7, "belongs to the same purchase as line 8"),
        (8, "is not a number"),
    ]


def test_guests_are_known_by_address_and_a_column_can_be_left_out(till: Desk) -> None:
    header = "order_id,order_date,status,order_total,customer_id,billing_email\n"
    content = header + "1,2026-05-01 09:00:00,completed,55.00,{},{}\n"
    till.bring(Kind.PURCHASES, content.format(0, "ana@client.example"))
    assert till.rows(tables.purchases, *BOUGHT, "customer_id") == [("1", 55, 1)]
    report = till.bring(Kind.PURCHASES, content.format("w-9", "bo@client.example"), mapping={"customer_id": "-"})
    assert (report.changed, report.ignored["customer_id"]) == (1, None)
    assert till.rows(tables.purchases, "customer_id") == [(2,)]


def test_unit_prices_with_three_decimals(till: Desk) -> None:
    content = (
        "Order ID;Email;Date;SKU;Qty;Price\nP1;ana@client.example;02.01.2026;SCREW;200;0,125\n"
        "P2;ana@client.example;03.01.2026;SCREW;200;0,12\nP3;ana@client.example;03.01.2026;FUEL;40;0,899\n"
    )
    till.bring(Kind.PURCHASES, content)
    assert till.rows(tables.purchases, *BOUGHT) == [("P1", 25), ("P2", 24), ("P3", Decimal("35.96"))]


@pytest.mark.parametrize(
    ("others", "expected"),
    [("0,5", Decimal("1.234")), ("12.50", 1234), ("7", None), ("", None)],
)
def test_a_column_decides_its_decimal_mark_as_a_whole(till: Desk, others: str, expected: Decimal | None) -> None:
    rows = f'A,ana@client.example,2026-05-01,"1,234"\nB,bo@client.example,2026-05-01,"{others}"\n'
    report = till.bring(Kind.PURCHASES, "id,email,date,total\n" + rows)
    found = dict(till.rows(tables.purchases, *BOUGHT))
    assert found.get("A") == expected
    assert ("can be read as thousands or as a fraction" in [bad.reason for bad in report.bad]) == (expected is None)


def test_a_column_with_both_marks_decides_nothing() -> None:
    assert numbers.mark_of(["1,5", "1.5", "1,234"]) is None
    assert numbers.mark_of(["1,5", 7, None, "x"]) == ","
    assert numbers.mark_of(["1,234,567", "1 234"]) == "."


def test_a_batch_decides_like_a_file(till: Desk) -> None:
    rows = [
        {"id": name, "email": "ana@client.example", "occurred_at": "2026-05-01", "amount": amount, "status": status}
        for name, amount, status in (("A", "1,234", "paid"), ("B", "0,5", "paid"), ("C", "7", "failed"))
    ]
    report = import_rows(till.engine, Kind.PURCHASES, MappingSource(rows), now=NOW, secret=SECRET)
    assert (report.added, report.refused) == (2, 0)
    assert till.rows(tables.purchases, *BOUGHT) == [("A", Decimal("1.234")), ("B", Decimal("0.5"))]


def test_amounts_in_cents(till: Desk) -> None:
    content = "id,email,date,amount,amount refunded,currency\nch_1,ana@client.example,2026-05-01,4990,1000,eur\n"
    scale = dict.fromkeys(("amount", "refunded"), Decimal("0.01"))
    till.bring(Kind.PURCHASES, content, scale=scale)
    assert till.rows(tables.purchases, *BOUGHT, "currency") == [("ch_1", Decimal("39.9"), "EUR")]


def test_a_column_that_says_so_is_in_utc(till: Desk) -> None:
    content = "id,Created date (UTC),Amount,Currency,Customer Email,Status\nch_1,2026-05-01 10:00:00,9,eur,{},Paid\n"
    till.bring(Kind.PURCHASES, content.format("ana@client.example"))
    assert [at.hour for (at,) in till.rows(tables.purchases, "occurred_at")] == [10]


def test_a_line_without_an_article_number_is_known_by_its_name(till: Desk) -> None:
    line = (
        '{"id": "#14", "email": "ana@client.example", "occurred_at": "2026-05-01T13:53:06-04:00", "amount": "403.00",'
        ' "products": [{"quantity": 3, "price": "100.00", "sku": "IPOD", "name": "IPod"},'
        ' {"quantity": 1, "price": "103.00", "sku": null, "name": "Gift wrap"}]}'
    )
    assert till.bring(Kind.PURCHASES, line, "p.jsonl").added == 1
    assert till.rows(tables.purchase_lines, *LINES) == [(1, 1, 3, 300), (1, 2, 1, 103)]
    assert till.rows(tables.products, "sku") == [("IPOD",), ("Gift wrap",)]
