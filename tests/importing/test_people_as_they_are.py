"""Lists of people as CRMs and spreadsheets export them: unreadable cells, marks, several addresses."""

from __future__ import annotations

import string
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.db import tables
from regulars.importing import cells, places
from regulars.importing.address_typos import PROVIDERS, likely_meant
from regulars.importing.birthdays import birthday
from regulars.importing.refused import Refused
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
        (date(1985, 3, 15), None, "en"),
    ]
    assert list(report.notes) == [
        "1 clients were imported without their manager, who is not known: import managers first",
        (f"3 cells of `birthday` {LEFT}: `05/09` (line 2) is not a date; write it as 2026-01-31, or as 31.01.2026"),
        (
            f"1 cells of `time zone` {LEFT}: `Mars` (line 3) is not a time zone; write an IANA name such as"
            " `Europe/Tallinn`"
        ),
        (
            f"1 cells of `language` {LEFT}: `Romulan` (line 4) is not a language that we know; write a code such as"
            " `ro` or `pt-BR`"
        ),
    ]
    assert desk.bring(Kind.CUSTOMERS, ODD).unchanged == 4


def test_a_strict_import_refuses_the_row(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, ODD, strict=True)
    assert (report.added, report.refused, {bad.line for bad in report.bad}) == (1, 3, {2, 3, 4})


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
    ("cells_", "first"),
    [
        ({"name": "Popescu, Ana"}, "Ana"),
        ({"last_name": "Popescu, Ana Maria"}, "Ana Maria"),
        ({"name": "Ana Popescu", "last_name": "Popescu"}, "Ana"),
        ({"name": "Popescu Ana", "last_name": "Popescu"}, "Ana"),
        ({"name": "Rusu Ana"}, None),
        ({"nume": "Rusu Ana"}, None),
        ({"nume": "Popescu Ana"}, "Ana"),
        ({"nume": "Popescu Ana", "prenume": ""}, None),
        ({"name": "Ana Popescu"}, "Ana"),
        ({"name": "Popescu Ionescu"}, None),
        ({"Nume și prenume": "Rusu Ana"}, "Ana"),
        ({"Nume și prenume": "Ana Popescu"}, None),
        ({"Nume și prenume": "Rusu Ana Maria"}, None),
        ({"name": "Anna Rusu Ltd"}, None),
        ({"ФИО": "Иванова Анна Петровна"}, "Анна"),
        ({"name": "Анна Петровна Иванова"}, "Анна"),
        ({"ФИО": "Анна Петровна Иванова"}, None),
        ({"ПІБ": "Бондарчук Ганна Іванівна"}, "Ганна"),
        ({"name": "Ковач Любов"}, None),
        ({"name": "Acme, Inc"}, None),
        ({"name": "Popescu, Ana", "first_name": "Eva"}, "Eva"),
        ({"last_name": "Popescu"}, None),
    ],
)
def test_a_first_name_is_taken_where_it_is_certain(
    sqlite_desk: Desk, cells_: dict[str, Any], first: str | None
) -> None:
    rows = [{"id": "1", "email": "ana@client.example", **cells_}]
    import_rows(sqlite_desk.engine, Kind.CUSTOMERS, MappingSource(rows), now=NOW, secret=SECRET)
    assert sqlite_desk.rows(tables.customers, "first_name") == [(first,)]


def test_a_whole_name_in_a_column_of_last_names_is_divided(sqlite_desk: Desk) -> None:
    sqlite_desk.bring(Kind.CUSTOMERS, "email,Nume\na@client.example,Popescu Ana\nb@client.example,Rusu Ana\n")
    assert sqlite_desk.rows(tables.customers, "first_name", "last_name") == [("Ana", "Popescu"), (None, "Rusu Ana")]


@pytest.mark.parametrize(
    ("raw", "order", "expected"),
    [
        ("03/05/87", "dmy", date(1987, 5, 3)), ("03/05/87", "mdy", date(1987, 3, 5)), ("03/05/87", None, None),
        ("25/05/87", None, date(1987, 5, 25)), ("05/05/65", None, date(1965, 5, 5)),
        ("25.05.12", None, date(2012, 5, 25)), ("3-May-87", None, date(1987, 5, 3)),
        ("May 3, 05", None, date(2005, 5, 3)), ("25.05.20", None, None), ("25/05/12", None, None),
        ("25/05/12", "dmy", date(2012, 5, 25)), ("87-05-03", None, None), ("0/0/00", "dmy", None),
    ],
)  # fmt: skip
def test_a_birthday_with_a_year_of_two_digits(raw: str, order: str | None, expected: date | None) -> None:
    read = birthday(order, NOW.date())
    if expected is not None:
        assert read(raw) == expected
        return
    with pytest.raises(Refused) as refused:
        read(raw)
    assert refused.value.hint


@given(born=st.dates(date(1917, 1, 1), NOW.date()), order=st.sampled_from(["dmy", "mdy"]))
def test_a_short_year_is_never_another_century(born: date, order: str) -> None:
    written = f"{born:%d/%m/%y}" if order == "dmy" else f"{born:%m/%d/%y}"
    if 1927 <= born.year <= 2016:
        assert birthday(order, NOW.date())(written) == born
        return
    with pytest.raises(Refused):
        birthday(order, NOW.date())(written)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("Ukrainian", "uk"), ("Deutsch", "de"), ("română", "ro"), ("Romanian", "ro"), ("украинский", "uk"),
        ("EESTI", "et"), ("Українська", "uk"), ("pt_br", "pt-BR"), ("limba", None), ("Romulan", None),
    ],
)  # fmt: skip
def test_names_of_languages(raw: str, code: str | None) -> None:
    if code is not None:
        assert places.locale(raw) == code
        return
    with pytest.raises(Refused):
        places.locale(raw)


def test_addresses_that_look_mistyped_are_listed_and_kept(sqlite_desk: Desk) -> None:
    content = "email\nana@gmial.com\nbo@client.example\ncy@Hotmal.com\ndi@gmail.con\neve@gmai.com\nfay@ymail.com\n"
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    (note,) = report.notes
    assert note == (
        "4 addresses look mistyped and were kept as they are: `ana@gmial.com` (line 2; gmail.com?), `cy@hotmal.com`"
        " (line 4; hotmail.com?), `di@gmail.con` (line 5; gmail.com?), …"
    )
    assert sqlite_desk.rows(tables.customers, "email")[0] == ("ana@gmial.com",)


@given(st.sampled_from(PROVIDERS), st.integers(0, 8), st.sampled_from(string.ascii_lowercase))
def test_a_slip_is_asked_about_and_a_provider_is_not(provider: str, place: int, letter: str) -> None:
    assert likely_meant(f"ana@{provider}") is None
    slipped = provider[:place] + letter + provider[place:]
    assert likely_meant(f"ana@{slipped}") in {f"ana@{provider}", None}


def test_a_phone_that_a_spreadsheet_has_rounded_is_left_out(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, "id,phone\n1,+4.07E+10\n2,+40 700\n")
    assert sqlite_desk.rows(tables.customers, "phone") == [(None,), ("+40 700",)]
    (note,) = report.notes
    assert note == (
        "1 cells of `phone` could not be read and were left out: `+4.07E+10` (line 2) is a number that a spreadsheet"
        " has rounded; export the column as text"
    )
