"""Spreadsheets: dates and numbers keep their meaning, the sheet is named or the only one, and bombs are refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import pytest

from regulars.core import extras
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.db import tables
from regulars.importing import spreadsheet_limits
from regulars.importing.report import Kind
from tests.importing.conftest import Desk
from tests.importing.sheets import Raw, ods, xlsx

Make = Callable[..., bytes]
FORMS = pytest.mark.parametrize("make", [xlsx, ods])
BORN, VISIT = date(1987, 5, 3), datetime.fromisoformat("2026-05-01T10:30:00")
CLIENTS = [["Customer ID", "Email", "Birthday", "Points", "VIP", "Phone"],
           [7001, "ana@client.example", BORN, 12.5, True, 40700000000],
           ["c-2", "bo@client.example", None, 1234, None, None]]  # fmt: skip


def refused(desk: Desk, content: bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        desk.bring(Kind.CUSTOMERS, content, **options)
    (fault,) = caught.value.diagnostics
    return fault.message, str(fault.hint)


@FORMS
def test_cells_keep_their_meaning(desk: Desk, make: Make) -> None:
    report = desk.bring(Kind.CUSTOMERS, make({"People": CLIENTS}), "people.bin")
    assert (report.rows, report.added, report.refused, report.notes) == (2, 2, 0, ())
    assert desk.rows(tables.customers, "external_id", "birthday", "phone", "attrs") == [
        ("7001", BORN, "40700000000", {"points": 12.5, "vip": True}),
        ("c-2", None, None, {"points": 1234}),
    ]
    assert desk.bring(Kind.CUSTOMERS, make({"People": CLIENTS})).unchanged == 2


@FORMS
def test_titles_empty_rows_and_footers_are_left_out(sqlite_desk: Desk, make: Make) -> None:
    rows = [["Clients of the salon"], [], CLIENTS[0], CLIENTS[1], [], ["nobody", "no address"], ["Total: 1 client"]]
    report = sqlite_desk.bring(Kind.CUSTOMERS, make({"A": rows}))
    assert (report.added, [bad.line for bad in report.bad]) == (1, [6])
    assert report.notes == (
        "2 rows above the names of the columns were left out: `Clients of the salon`",
        "1 lines at the end were left out as the footer of a report: `Total: 1 client`",
    )


def test_dates_of_purchases_and_times_of_visits(sqlite_desk: Desk) -> None:
    sqlite_desk.bring(Kind.CUSTOMERS, "id,email\n7001,ana@client.example\n")
    rows = [["id", "customer", "date", "total"], [1, 7001, VISIT, 1.234], [2, 7001, VISIT.date(), "1,5"]]
    report = sqlite_desk.bring(Kind.PURCHASES, xlsx({"A": rows}), timezone="UTC")
    assert (report.added, report.bad) == (2, [])
    found = [
        (str(amount), at.hour, at.minute) for amount, at in sqlite_desk.rows(tables.purchases, "amount", "occurred_at")
    ]
    assert found == [("1.234", 10, 30), ("1.5", 12, 0)]
    visits = [["id", "customer", "date", "time"], ["v1", 7001, date(2026, 7, 5), time(9, 15)]]
    sqlite_desk.bring(Kind.APPOINTMENTS, xlsx({"A": visits}), timezone="UTC")
    ((data,),) = sqlite_desk.rows(tables.events, "data")
    assert data["starts_at"] == "2026-07-05T09:15:00+00:00"


def test_errors_are_empty_and_the_day_zero_is_nobodys(sqlite_desk: Desk) -> None:
    zero, first = (Raw(f'<c r="@" s="1"><v>{number}</v></c>') for number in (0, 1))
    error = Raw('<c r="@" t="e"><v>#N/A</v></c>')
    rows = [["id", "first name", "birthday"], ["1", error, zero], ["2", "Ana", 45123], ["3", "Bo", first]]
    report = sqlite_desk.bring(Kind.CUSTOMERS, xlsx({"A": rows}))
    assert sqlite_desk.rows(tables.customers, "first_name", "birthday") == [(None, None), ("Ana", None), ("Bo", None)]
    assert report.notes[0].startswith("3 cells of `birthday` could not be read and were left out")


def test_which_sheet(sqlite_desk: Desk) -> None:
    book = xlsx({"Clients": CLIENTS, "Old": CLIENTS, "Empty": [], "Lists": [["EE"], ["LV"]]}, hidden=["Lists"])
    assert refused(sqlite_desk, book) == ("2 sheets have data: `Clients`, `Old`", 'say which: `--sheet "Clients"`')
    assert refused(sqlite_desk, book, sheet="Client") == ("the file has no sheet `Client`", "did you mean `Clients`?")
    assert refused(sqlite_desk, book, sheet="Empty")[0] == "the sheet `Empty` is empty"
    assert refused(sqlite_desk, b"id\nc-1\n", sheet="A")[0] == "the file has no sheet `A`: it is no spreadsheet"
    assert sqlite_desk.bring(Kind.CUSTOMERS, book, sheet="Old").added == 2


@FORMS
def test_addresses_alone(sqlite_desk: Desk, make: Make) -> None:
    report = sqlite_desk.bring(Kind.SUPPRESSIONS, make({"A": [["ana@client.example"], ["bo@client.example"]]}))
    assert (report.rows, report.added) == (2, 2)


def test_a_cell_beside_the_table_and_two_equal_names(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, xlsx({"A": [["id", "name"], ["1", "Ana", "a note"], ["2", "Bo"]]}))
    assert [(bad.line, bad.reason) for bad in report.bad] == [(2, "has a cell in a column without a name")]
    assert refused(sqlite_desk, xlsx({"A": [["id", "id"], ["1", "2"]]}))[0] == "two columns are called `id`"


def bomb(size: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", b" " * size)
    return packed.getvalue()


def shared(text: str, times: int) -> bytes:
    """A sheet whose cells all name one long text."""
    packed = io.BytesIO()
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, times + 1))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
        file.writestr("xl/worksheets/sheet1.xml", f"<worksheet>{cells}</worksheet>")
        file.writestr("xl/sharedStrings.xml", f"<sst><si><t>{text}</t></si></sst>")
    return packed.getvalue()


FAR = Raw('<c r="XFD1048576"><v>1</v></c>')
LONG = Raw(
    '<table:table-cell office:value-type="string" table:number-columns-repeated="900">'
    f"<text:p>{'x' * 5_000}</text:p></table:table-cell>"
)
REPEATED = Raw('<table:table-cell office:value-type="string" table:number-columns-repeated="90000000"/>')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb(2_000_000), "unpacked it has more than 1,000,000 bytes"),
        (xlsx({"A": [["id", FAR]]}), "a sheet reaches over more than 12,000,000 cells"),
        (ods({"A": [["id", REPEATED]]}), "a sheet reaches over more than 12,000,000 cells"),
        (ods({"A": [["id", LONG]]}), "the texts of a sheet have more than 1,000,000 bytes"),
        (shared("x" * 5_000, 900), "the texts of a sheet have more than 1,000,000 bytes"),
        (xlsx({"A": CLIENTS})[:-300], "this is a spreadsheet or an archive, not text"),
        (ods({"A": CLIENTS}).replace(b"content.xml", b"content.xm1", 1), "the spreadsheet cannot be unpacked"),
    ],
)
def test_bombs_and_broken_files_are_refused(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(spreadsheet_limits, "MOST_UNPACKED", 1_000_000)
    assert message in refused(sqlite_desk, content)[0]


def test_the_extra_is_named_where_it_is_missing(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "MODULES", {"excel": ("no_such_module",)})
    with pytest.raises(
        EnvironmentFailed, match=r"reading the spreadsheet clients.xlsx needs no_such_module.*\[excel\]"
    ):
        sqlite_desk.bring(Kind.CUSTOMERS, xlsx({"A": CLIENTS}), "clients.xlsx")


def test_a_sheet_whose_first_row_holds_an_error_only(sqlite_desk: Desk) -> None:
    error = Raw('<c r="@" t="e"><v>#N/A</v></c>')
    assert sqlite_desk.bring(Kind.CUSTOMERS, xlsx({"A": [[error], *CLIENTS]})).added == 2
