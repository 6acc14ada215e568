"""Bad rows are named by line and reason, and the good rows beside them are in."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from regulars.db import tables
from regulars.importing.report import Kind
from tests.importing.conftest import Desk


class Case(NamedTuple):
    row: str
    column: str | None
    reason: str
    hint: str | None = None


HEADER = "id,email,first name,birthday,timezone,language,country,manager,points,registered,subscribed"
BAD = [
    Case("c-1,ana.client.example,Ana,,,,,,,,", "email", "is not an e-mail address"),
    Case("c-2,ana@@client.example,Ana,,,,,,,,", "email", "is not an e-mail address", "one address to a row"),
    Case('c-3,"ana@client.example, b@client.example",Ana,,,,,,,,', "email", "not an e-mail", "one address"),
    Case("c-4,Ana <ana@client.example>,Ana,,,,,,,,", "email", "is not an e-mail address", "only the address"),
    Case("c-5,ana@client,Ana,,,,,,,,", "email", "is not an e-mail address"),
    Case("c-6,,A\0na,,,,,,,,", "first name", "holds a NUL character"),
    Case("c-7,,A\x1bna,,,,,,,,", "first name", "holds the control character U+001B"),
    Case(f"c-8,,{'A' * 201},,,,,,,,", "first name", "is 201 characters long; at most 200"),
    Case('c-9,,"Ana\nMaria",,,,,,,,', "first name", "goes over several lines", "quotation mark"),
    Case("c-10,,Ana,03/04/1990,,,,,,,", "birthday", "can be read as 3 April or as 4 March", "--dates dmy"),
    Case("c-11,,Ana,1990-02-30,,,,,,,", "birthday", "is not a date"),
    Case("c-12,,Ana,1900-01-01,,,,,,,", "birthday", "what systems write for an unknown date", "leave it empty"),
    Case("c-13,,Ana,1970-01-01,,,,,,,", "birthday", "what systems write for an unknown date"),
    Case("c-14,,Ana,2031-05-05,,,,,,,", "birthday", "is in the future"),
    Case("c-15,,Ana,sometime,,,,,,,", "birthday", "is not a date", "2026-01-31"),
    Case("c-16,,Ana,,Europe/Kishinev,,,,,,", "timezone", "is not a time zone", "did you mean `Europe/"),
    Case("c-17,,Ana,,Tallinn,,,,,,", "timezone", "is not a time zone", "did you mean `Europe/Tallinn`?"),
    Case("c-18,,Ana,,,Klingon!,,,,,", "language", "is not a language that we know", "such as `ro`"),
    Case("c-19,,Ana,,,Romulan,,,,,", "language", "is not a language that we know", "such as `ro`"),
    Case("c-20,,Ana,,,,Moldovva,,,,", "country", "is not a country that we know", "moldova"),
    Case("c-21,,Ana,,,,,m-9,,,", "manager", "manager `m-9` is not known", "import managers first"),
    Case("c-22,,Ana,,,,,,many,,", "points", "is not a number"),
    Case('c-23,,Ana,,,,,,"1,234",,', "points", "can be read as thousands or as a fraction", "--decimal"),
    Case("c-24,,Ana,,,,,,,2026-01-01 25:00,", "registered", "is not a date"),
    Case("c-25,,Ana,,,,,,,,perhaps", "subscribed", "is neither yes nor no", "`yes` or `no`"),
    Case("c-26,,Ana,,,,,,,,,,what", None, "has 13 cells; the first line has 11", "quotation marks"),
    Case(",ana@client.example,Ana,,,,,,,,", "id", "has no id"),
    Case("good-1,,Ana,,,,,,,,", "id", "customer `good-1` is on line 2 already", "keep one"),
]


def test_every_kind_of_bad_client_is_named_and_the_good_ones_are_in(desk: Desk) -> None:
    good = ["good-1,one@client.example,Ana,,,,,,,,", "good-2,two@client.example,Bo,31.12.1990,,,,,,,"]
    lines = [HEADER, good[0]]
    at: dict[int, Case] = {}
    number = 3
    for case in BAD:
        at[number] = case
        lines.append(case.row)
        number += 1 + case.row.count("\n")
        lines.append("")
        number += 1
    lines.append(good[1])
    report = desk.bring(Kind.CUSTOMERS, "\n".join(lines), strict=True)
    found = {fault.line: fault for fault in report.bad}
    assert list(found) == sorted(found)
    for line, case in at.items():
        assert line in found, case
        fault = found.pop(line)
        assert (fault.column, case.reason in fault.reason) == (case.column, True), (fault, case)
        assert case.hint is None or case.hint in (fault.hint or ""), (fault, case)
    assert not found
    assert (report.added, report.refused, report.bad_total) == (2, len(BAD), len(BAD))
    assert report.rows == 2 + len(BAD)
    assert desk.rows(tables.customers, "external_id", "first_name") == [("good-1", "Ana"), ("good-2", "Bo")]


PURCHASE_HEADER = "order id,customer,date,product,qty,price,total,currency"
BAD_PURCHASES = [
    Case("o-1,nobody,2026-01-01,mower,1,,10,EUR", "customer", "customer `nobody` is not known", "import customers"),
    Case("o-2,,2026-01-01,mower,1,,10,EUR", "customer", "does not say which customer"),
    Case("o-3,c-1,,mower,1,,10,EUR", "date", "does not say when"),
    Case("o-4,c-1,2026-01-01,mower,-1,,10,EUR", "qty", "cancelled purchases are not imported"),
    Case("o-5,c-1,2026-01-01,mower,1,,-10,EUR", "total", "refunds are not imported"),
    Case("o-6,c-1,2026-01-01,mower,1.5,,10,EUR", "qty", "is not a whole number"),
    Case("o-7,c-1,2026-01-01,mower,0,,10,EUR", "qty", "expected 1 to 1,000,000"),
    Case("o-7a,c-1,2026-01-01,mower,1000001,,10,EUR", "qty", "expected 1 to 1,000,000"),
    Case("o-7b,c-1,2026-01-01,mower,1,,100000000001,EUR", "total", "is too large a sum"),
    Case("o-7c,c-1,2026-01-01,mower,1000000,1000000,,EUR", None, "comes to too large a sum"),
    Case("o-8,c-1,2026-01-01,mower,1,,10 euro,EUR", "total", "is not a number", "currency goes into a column"),
    Case("o-9,c-1,2026-01-01,mower,1,,1e999,EUR", "total", "is not a number"),
    Case("o-10,c-1,2062-01-01,mower,1,,10,EUR", "date", "is in the future"),
    Case("o-11,c-1,1970-01-01,mower,1,,10,EUR", "date", "for an unknown date"),
    Case("o-12,c-1,2026-01-01,mower,1,,10,EURO", "currency", "is not a currency", "`EUR`"),
    Case("o-13,c-1,01.01.2026 9:75,mower,1,,10,EUR", "date", "`9:75` is not a time of day"),
    Case("good-1,c-1,2026-01-01,mower,1,,10,EUR", "order id", "purchase `good-1` is on line 2 already"),
]


def test_every_kind_of_bad_purchase_is_named_and_the_good_ones_are_in(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id\nc-1\n")
    good = "good-1,c-1,2026-01-01,mower,1,,10,EUR"
    report = desk.bring(
        Kind.PURCHASES,
        "\n".join([PURCHASE_HEADER, good, *(case.row for case in BAD_PURCHASES), good.replace("good-1", "good-2")]),
    )
    bad = sorted(report.bad, key=lambda fault: fault.line)
    for line, (fault, case) in enumerate(zip(bad, BAD_PURCHASES, strict=True), 3):
        assert (fault.line, fault.column, case.reason in fault.reason) == (line, case.column, True), (fault, case)
        assert case.hint is None or case.hint in (fault.hint or ""), (fault, case)
    assert report.added == 2
    assert desk.rows(tables.facts, "purchases") == [(2,)]


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        (["o,c-1,2026-01-01,mower,1,,10,", "o,c-2,2026-01-01,oil,1,,,"], 3, "purchase `o` has 2 customers"),
        (["o,c-1,2026-01-01,mower,1,,10,", "o,c-1,2026-01-02,oil,1,,,"], 3, "purchase `o` has 2 dates"),
        (["o,c-1,2026-01-01,mower,1,,10,", "o,c-1,2026-01-01,oil,1,,12,"], 3, "purchase `o` has 2 totals"),
        (["o,c-1,2026-01-01,mower,1,,10,", "o,c-1,2026-01-01,oil,x,,10,"], 3, "is not a number"),
        (["o,nobody,2026-01-01,mower,1,,,", "o,nobody,2026-01-01,oil,1,,,"], 2, "customer `nobody` is not known"),
    ],
)
def test_half_a_purchase_is_not_imported(desk: Desk, rows: list[str], line: int, reason: str) -> None:
    desk.bring(Kind.CUSTOMERS, "id\nc-1\nc-2\n")
    report = desk.bring(Kind.PURCHASES, "\n".join([PURCHASE_HEADER, *rows]))
    assert (report.added, report.refused) == (0, 2)
    by_line = {fault.line: fault.reason for fault in report.bad}
    assert reason in by_line.pop(line)
    assert list(by_line.values()) == [f"belongs to the same purchase as line {line}"]


DEEP = '{"x": ' * 30 + "1" + "}" * 30
BAD_EVENTS = [
    (f'{{"customer": "c-1", "event": "a.b", "date": "2026-06-01", "data": {DEEP}}}', "nested more than 20 deep", None),
    (f'{{"customer": "c-1", "event": "a.b", "date": "2026-06-01", "data": {{"x": "{"y" * 70_000}"}}}}', "64 kB", None),
    ('{"customer": "c-1", "at": 1', "is not JSON", None),
    ('["c-1"]', "is not a JSON object", None),
    ('{"customer": "c-1", "event": "Meeting!", "date": "2026-06-01"}', "is not the name of an event", "small letters"),
    ('{"customer": "c-1", "event": "purchase", "date": "2026-06-01"}', "not imported as events", "as purchases"),
    ('{"customer": "c-1", "date": "2026-06-01"}', "does not say which event", None),
    ('{"email": "x@client.example", "event": "a.b", "date": "2026-06-01"}', "is not known", "import customers"),
    ('{"customer": "c-1", "event": "a.b", "date": "2026-06-01", "data": [1]}', "is not a JSON object", "expected one"),
    ('{"customer": "c-1", "event": "a.b", "date": "2026-06-01", "data": {"x": "\\u0000"}}', "NUL", None),
    ('{"customer": "c-1", "event": "survey.answered", "date": "2026-06-01", "data": {"score": "good"}}',
     "`score`: is not a number", None),
    ('{"customer": ["c-1"], "event": "a.b", "date": "2026-06-01"}', "is not text", None),
    ('{"customer": "c-1", "event": "a.b", "date": 17800000}', "is not a date", "2026-01-31"),
]  # fmt: skip


def test_every_kind_of_bad_json_line_is_named(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id\nc-1\n")
    good = '{"customer": "c-1", "event": "a.b", "date": "2026-06-01"}'
    report = desk.bring(Kind.EVENTS, "\n".join([good, *(line for line, *_ in BAD_EVENTS), good]), "events.jsonl")
    for number, (fault, (line, reason, hint)) in enumerate(zip(report.bad, BAD_EVENTS, strict=True), 2):
        assert (fault.line, reason in fault.reason) == (number, True), (fault, line)
        assert hint is None or hint in (fault.hint or ""), (fault, line)
    assert report.added == 2


def test_a_byte_that_is_not_utf_8_is_named_and_the_encoding_may_be_said(sqlite_desk: Desk) -> None:
    content = "id,name\nc-1,Ana\nc-2,Renée\nc-3,Bo\n".encode("cp1252")
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    (fault,) = report.bad
    assert (fault.line, fault.column, fault.value) == (3, "name", "Ren\\udce9e")
    assert "the byte 0xE9, which is not UTF-8" in fault.reason
    assert "--encoding cp1252" in (fault.hint or "")
    assert report.added == 2
    assert sqlite_desk.bring(Kind.CUSTOMERS, content, encoding="cp1252").added == 1


def test_a_quotation_mark_left_open_costs_only_the_rows_it_swallows(sqlite_desk: Desk) -> None:
    rows = [f"c-{n},Ana" for n in range(1, 9)]
    rows[3] = 'c-4,"Ana'
    rows[5] = 'c-6,"Maria"'
    report = sqlite_desk.bring(Kind.CUSTOMERS, "\n".join(["id,name", *rows]))
    (fault,) = report.bad
    assert (fault.line, fault.column) == (5, None)
    assert "quotation mark that is not closed" in (fault.hint or "")
    assert [name for (name,) in sqlite_desk.rows(tables.customers, "external_id")] == [
        "c-1",
        "c-2",
        "c-3",
        "c-7",
        "c-8",
    ]


def test_all_faults_of_a_row_are_told_at_once(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, "id,email,country\nc-1,nobody,Nowhere\n", strict=True)
    assert [fault.column for fault in report.bad] == ["email", "country"]
    assert (report.refused, report.bad_total) == (1, 2)


def test_bad_rows_go_into_a_file_that_can_be_mended_and_imported(sqlite_desk: Desk) -> None:
    path = sqlite_desk.folder / "bad.jsonl"
    rows = [f"c-{n},nobody" for n in range(1_500)]
    report = sqlite_desk.bring(Kind.CUSTOMERS, "\n".join(["id,email", *rows]), bad_rows=path)
    assert (len(report.bad), report.bad_total, report.refused) == (1_000, 1_500, 1_500)
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["id"] for row in written] == [f"c-{n}" for n in range(1_500)]
    assert written[7]["_line"] == 9
    assert "not an e-mail address" in written[7]["_faults"][0]["reason"]
    mended = path.read_text().replace("nobody", "somebody@client.example")
    report = sqlite_desk.bring(Kind.CUSTOMERS, mended, "mended.jsonl")
    assert (report.added, report.refused) == (1_500, 0)
    assert report.ignored == {"_line": None, "_faults": None}
