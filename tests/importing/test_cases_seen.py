"""Every case of tests/importing/cases, each one example of a kind of file that once came in wrong, with what is right.

Clients ada, bob, cid and dan are known by address before.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from regulars.core.errors import Invalid
from regulars.db import tables
from regulars.db.engine import read
from regulars.importing.report import ImportReport, Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_rows
from regulars.rules.model import FieldType
from tests.common.people import SECRET
from tests.importing.conftest import Desk
from tests.importing.test_other_tools_lists import mailable

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KNOWN = ("ada", "bob", "cid", "dan")


@pytest.fixture
def starter(desk: Desk) -> Desk:
    desk.bring(Kind.CUSTOMERS, "email\n" + "".join(f"{name}@client.example\n" for name in KNOWN))
    return desk


def bring(desk: Desk, kind: Kind, name: str, **given: Any) -> ImportReport:
    return desk.bring(kind, (CASES / name).read_bytes(), name, now=NOW, **({"timezone": "UTC"} | given))


def clients(desk: Desk, *columns: str) -> list[tuple[Any, ...]]:
    """The clients of the file, without those known before."""
    return desk.rows(tables.customers, *columns)[len(KNOWN) :]


def decided(desk: Desk) -> dict[str, tuple[bool, date]]:
    """By the name in the address, the decision about marketing and its day."""
    c, p = tables.consents, tables.customers
    with read(desk.engine) as connection:
        found = connection.execute(select(p.c.email, c.c.granted, c.c.at).join_from(c, p))
        return {email.partition("@")[0]: (granted, at.date()) for email, granted, at in found}


def test_every_case_is_tested() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [name.name for name in CASES.iterdir() if f'"{name.name}"' not in text and name.suffix != ".md"] == []


@pytest.mark.parametrize("second", ["dup-b.csv", "dup-c.csv"])
def test_a_shop_with_ids_after_a_list_of_who_left(starter: Desk, second: str) -> None:
    assert bring(starter, Kind.CUSTOMERS, "dup-a.csv").changed == 1
    report = bring(starter, Kind.CUSTOMERS, second)
    assert (report.added, report.changed, len(clients(starter, "id"))) == (0, 1, 0)
    assert starter.rows(tables.customers, "external_id", "birthday")[0] == ("7001", date(1990, 11, 30))
    assert mailable(starter) == {"bob", "cid", "dan"}


def test_further_lines_of_an_order(starter: Desk) -> None:
    report = bring(starter, Kind.PURCHASES, "continuation.csv")
    assert (report.added, report.refused) == (2, 0)
    assert starter.rows(tables.purchases, "external_id", "amount") == [("A1", 150), ("A2", 100)]


@pytest.mark.parametrize(
    ("name", "out", "people"),
    [
        ("mc-unsubscribed.csv", {"una"}, {"una"}),
        ("mc-cleaned.csv", {"cleo"}, {"cleo"}),
        ("mc-subscribed.csv", set(), {"ana"}),
        ("listmonk.csv", {"off"}, {"ok", "off"}),
        ("brevo.csv", {"br"}, {"br", "bs"}),
        ("opt-in.csv", {"pa"}, {"pa"}),
    ],
)
def test_who_left_stays_out_and_nobody_is_lost(starter: Desk, name: str, out: set[str], people: set[str]) -> None:
    report = bring(starter, Kind.CUSTOMERS, name)
    assert (report.added, report.refused) == (len(people), 0)
    assert {str(email).partition("@")[0] for (email,) in clients(starter, "email")} == people
    assert mailable(starter) - set(KNOWN) == people - out


def test_the_dates_of_a_departure_and_a_bounce(starter: Desk) -> None:
    bring(starter, Kind.CUSTOMERS, "mc-unsubscribed.csv")
    bring(starter, Kind.CUSTOMERS, "mc-cleaned.csv")
    assert decided(starter)["una"] == (False, date(2023, 2, 3))
    ((reason, at),) = starter.rows(tables.suppressions, "reason", "at")
    assert (reason, at.date()) == ("bounced", date(2023, 2, 3))


def test_unit_prices_with_three_decimals(starter: Desk) -> None:
    bring(starter, Kind.PURCHASES, "price3.csv")
    found = starter.rows(tables.purchases, "external_id", "amount")
    assert found == [("P1", 25), ("P2", 24), ("P3", Decimal("35.96"))]


def test_a_booking_is_at_its_time(starter: Desk) -> None:
    assert bring(starter, Kind.APPOINTMENTS, "booking-date.csv").added == 1
    ((data,),) = starter.rows(tables.events, "data")
    assert data["starts_at"] == "2026-12-05T10:00:00+00:00"


def test_appointments_of_a_calendar(starter: Desk) -> None:
    report = bring(starter, Kind.APPOINTMENTS, "calendly.csv")
    assert (report.added, report.refused) == (1, 0)  # the second one was cancelled before it was known
    ((data,),) = starter.rows(tables.events, "data")
    assert (data["starts_at"], data["duration"]) == ("2027-03-03T11:00:00+00:00", 30)


def test_orders_of_shopify(starter: Desk) -> None:
    report = bring(starter, Kind.PURCHASES, "shopify-orders.csv")
    assert starter.rows(tables.purchases, "external_id", "amount") == [("555", Decimal("105.9"))]
    assert starter.rows(tables.purchase_lines, "quantity", "amount") == [(1, Decimal("62.95")), (2, Decimal("37.94"))]
    assert [(bad.line, bad.reason) for bad in report.bad] == [(6, "does not say which customer")]  # sold at the till


def test_orders_of_woocommerce(starter: Desk) -> None:
    report = bring(starter, Kind.PURCHASES, "woo-orders.csv")
    assert (report.added, report.refused) == (1, 0)
    assert starter.rows(tables.purchases, "external_id", "customer_id", "amount") == [("9002", 1, 55)]


def test_a_message_of_shopify(starter: Desk) -> None:
    message = json.loads((CASES / "hook-shopify.json").read_bytes())
    row = {
        "id": message["name"], "email": message["email"], "occurred_at": message["created_at"],
        "amount": message["total_price"], "currency": message["currency"], "products": message["line_items"],
    }  # fmt: skip
    report = import_rows(starter.engine, Kind.PURCHASES, MappingSource([row]), now=NOW, secret=SECRET)
    assert (report.added, report.refused) == (1, 0)
    assert starter.rows(tables.purchases, "external_id", "amount", "quantity") == [("#14", 403, 4)]
    assert starter.rows(tables.purchase_lines, "quantity", "amount") == [(3, 300), (1, 103)]
    assert starter.rows(tables.products, "sku") == [("IPOD",), ("Gift wrap",)]


def test_the_footer_of_a_report_is_nobody(starter: Desk) -> None:
    bring(starter, Kind.CUSTOMERS, "sf-footer.csv")
    assert clients(starter, "external_id", "first_name") == [("003A01", "Sofia")]


def test_refunds_as_rows_and_dates_of_many_forms(starter: Desk) -> None:
    report = bring(starter, Kind.PURCHASES, "negative.csv")
    taken = {name: (amount, at) for name, amount, at in starter.rows(
        tables.purchases, "external_id", "amount", "occurred_at"
    )}  # fmt: skip
    assert set(taken) == {"A1", "C1", "G1", "I1", "J1", "K1", "L1"}
    assert {taken[name][1].date() for name in "G1 I1 J1 K1 L1".split()} == {date(2023, 12, 31)}
    assert taken["I1"][1].hour == 23
    assert {bad.line for bad in report.bad} == {3, 4, 6, 7, 8, 10, 15}
    again = bring(starter, Kind.PURCHASES, "negative.csv", dates="excel")
    assert again.added == 2
    days = dict(starter.rows(tables.purchases, "external_id", "occurred_at"))
    assert [days["E1"].date(), days["F1"].date(), days["F1"].hour] == [date(2023, 7, 16), date(2023, 7, 16), 12]
    assert "H1" not in days


def test_customers_of_shopify_have_their_ids(starter: Desk) -> None:
    report = bring(starter, Kind.CUSTOMERS, "shopify-cust.csv")
    assert report.refused == 0
    found = {row[0]: row[1:] for row in starter.rows(tables.customers, "external_id", "first_name", "phone")}
    assert found["7001"] == ("Anna", "+31600000001")
    assert found["7002"][0] == "Bob"
    assert found["7003"][1] == "+31600000003"


def test_errors_of_a_spreadsheet_are_no_names(starter: Desk) -> None:
    bring(starter, Kind.CUSTOMERS, "xlerr.csv")
    assert clients(starter, "external_id", "name", "first_name") == [(n, None, None) for n in "123"]
    assert clients(starter, "phone") == [(None,), ("0700000001",), ("+40700",)]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("cp1251.csv", "the names of the columns are not UTF-8", "`--encoding cp1251` reads `Почта;Имя;Фамилия`"),
        ("c.zip", "this is an archive (zip) with `subscribed.csv`", "unpack it"),
    ],
)
def test_what_a_file_is(starter: Desk, name: str, message: str, hint: str) -> None:
    with pytest.raises(Invalid) as refused:
        bring(starter, Kind.CUSTOMERS, name)
    (fault,) = refused.value.diagnostics
    assert message in fault.message
    assert hint in str(fault.hint)


@pytest.mark.parametrize("name", ["sep.csv", "title.csv"])
def test_lines_above_the_names_of_columns(starter: Desk, name: str) -> None:
    assert bring(starter, Kind.CUSTOMERS, name).refused == 0
    assert clients(starter, "email", "name") == [("a@client.example", "A")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mc-subscribed.csv", [("Ana", None)]),
        ("outlook.csv", [("Kim", None), ("Bea", date(1985, 3, 15))]),
    ],
)
def test_a_birthday_without_a_year_costs_the_birthday(starter: Desk, name: str, expected: list[Any]) -> None:
    assert bring(starter, Kind.CUSTOMERS, name).refused == 0
    assert clients(starter, "first_name", "birthday") == expected


def test_tags_and_a_date_of_consent(starter: Desk) -> None:
    bring(starter, Kind.CUSTOMERS, "tags.csv", fields={"tags": FieldType.LIST})
    both = {"tags": ["vip", "swim"]}
    assert clients(starter, "attrs") == [(both,), (both,), (both,), ({"tags": ["vip"]},)]
    found = decided(starter)
    assert found["ta"] == (True, date(2021, 5, 6))
    assert found["td"] == (True, date(2019, 1, 1))
    assert (found["tb"][0], found["tc"][0]) == (False, False)
