"""Lists of people as CRMs and spreadsheets export them: unreadable cells, marks, several addresses."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from regulars.db import tables
from regulars.importing import cells
from regulars.importing.report import Kind
from regulars.importing.row_source import MappingSource
from regulars.importing.service import import_rows
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk

ODD = (
    "id,email,birthday,time zone,language,manager\n"
    "1,ana@client.example,05/09,Europe/Bucharest,ro,\n2,bo@client.example,0000-00-00,Mars,,\n"
    "3,cy@client.example,0/0/00,,Romulan,nobody@shop.example\n4,di@client.example,3/15/1985,,English,\n"
)

LEFT = "could not be read and were left out"


def test_an_optional_cell_that_cannot_be_read_costs_that_cell(desk: Desk) -> None:
    report = desk.bring(Kind.CUSTOMERS, ODD)
    assert (report.added, report.refused) == (4, 0)
    assert desk.rows(tables.customers, "birthday", "timezone", "locale") == [
        (None, "Europe/Bucharest", "ro"),
        (None, None, None),
        (None, None, None),
        (date(1985, 3, 15), None, None),
    ]
    assert list(report.notes) == [
        "1 clients were imported without their manager, who is not known: import managers first",
        (f"3 cells of `birthday` {LEFT}: `05/09` (line 2) is not a date; write it as 2026-01-31, or as 31.01.2026"),
        (
            f"1 cells of `time zone` {LEFT}: `Mars` (line 3) is not a time zone; write an IANA name such as"
            " `Europe/Tallinn`"
        ),
        (
            f"2 cells of `language` {LEFT}: `Romulan` (line 4) is not a language that we know; write a code such as"
            " `ro` or `pt-BR`"
        ),
    ]
    assert desk.bring(Kind.CUSTOMERS, ODD).unchanged == 4


def test_a_strict_import_refuses_the_row(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, ODD, strict=True)
    assert (report.added, report.refused, {bad.line for bad in report.bad}) == (0, 4, {2, 3, 4, 5})


def test_a_batch_is_as_lenient_as_a_file(sqlite_desk: Desk) -> None:
    rows = [{"id": "1", "email": "ana@client.example", "birthday": "05/09", "first_name": "#N/A"}]
    report = import_rows(sqlite_desk.engine, Kind.CUSTOMERS, MappingSource(rows), now=NOW, secret=SECRET)
    assert (report.added, len(report.notes), report.notes[0][:18]) == (1, 1, "1 cells of `birthd")
    assert sqlite_desk.rows(tables.customers, "first_name", "birthday") == [(None, None)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("#N/A", ""), ("NULL", ""), ("#REF!", ""), ('="0700000001"', "0700000001"), ("'7001", "7001"),
        ("'+31600000001", "+31600000001"), ("'1234AB", "1234AB"), ("'t Hooft", "'t Hooft"), ("Null", "Null"),
        ("=5", "=5"), ("'90s bar", "'90s bar"),
    ],
)  # fmt: skip
def test_marks_of_a_spreadsheet(raw: str, expected: str) -> None:
    assert cells.without_marks(raw) == expected


def test_marked_cells_are_ids_and_phones_again(sqlite_desk: Desk) -> None:
    content = "Customer ID,Email,First Name,Last Name,Phone\n'7001,ana@client.example,#N/A,NULL,'+31600000001\n"
    sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert sqlite_desk.rows(tables.customers, "external_id", "first_name", "last_name", "phone") == [
        ("7001", None, None, "+31600000001")
    ]


def test_of_several_addresses_the_first_valid_one_is_taken(sqlite_desk: Desk) -> None:
    content = 'id,email\n1,"nobody@; ana@client.example, a2@client.example"\n2,bo@client.example c@@x\n3,a@b@c\n'
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert sqlite_desk.rows(tables.customers, "email") == [("ana@client.example",), ("bo@client.example",)]
    assert (report.refused, report.bad[0].line) == (1, 4)
    (note,) = report.notes
    assert note == (
        "2 cells of `email` were read in part: `nobody@; ana@client.example, a2@client.example` (line 2) has several"
        " addresses; the first valid one is used"
    )


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ({"name": "Popescu, Ana"}, "Ana"),
        ({"last_name": "Popescu, Ana Maria"}, "Ana Maria"),
        ({"name": "Ana Popescu", "last_name": "Popescu"}, "Ana"),
        ({"name": "Popescu Ana", "last_name": "Popescu"}, "Ana"),
        ({"name": "Popescu Ana"}, None),
        ({"name": "Acme, Inc"}, None),
        ({"name": "Popescu, Ana", "first_name": "Eva"}, "Eva"),
        ({"last_name": "Popescu"}, None),
    ],
)
def test_a_first_name_is_taken_where_it_is_certain(sqlite_desk: Desk, given: dict[str, Any], first: str | None) -> None:
    rows = [{"id": "1", "email": "ana@client.example", **given}]
    import_rows(sqlite_desk.engine, Kind.CUSTOMERS, MappingSource(rows), now=NOW, secret=SECRET)
    assert sqlite_desk.rows(tables.customers, "first_name") == [(first,)]
