"""Files as tools write them: separators, titles, footers, encodings, and what is no table."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from regulars.core.errors import Invalid
from regulars.db import tables
from regulars.importing.report import Kind
from tests.importing.conftest import Desk


def archive(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (archive("xl/workbook.bin"), "this is a spreadsheet (xlsb)", "save it as xlsx"),
        (archive("xl/workbook.xml"), "the spreadsheet cannot be read", "save it again, or as CSV"),
        (archive("mimetype", "content.xml"), "the spreadsheet cannot be unpacked", "save it again"),
        (
            archive("subscribed.csv", "cleaned.csv"),
            "an archive (zip) with `subscribed.csv`, `cleaned.csv`",
            "unpack it",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet (xls)", "save it as CSV UTF-8"),
        (gzip.compress(b"id\nc-1\n", mtime=0), "a compressed file (gzip)", "unpack it"),
        (b"\n<HTML><table><tr><td>Email</td></tr></table>", "a web page", "open it as a spreadsheet"),
        (b"\xef\xbb\xbfBEGIN:VCARD\r\nVERSION:3.0\r\n", "an address book (vCard)", "export the contacts as CSV"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(sqlite_desk: Desk, content: bytes, message: str, hint: str) -> None:
    with pytest.raises(Invalid) as refused:
        sqlite_desk.bring(Kind.CUSTOMERS, content)
    (fault,) = refused.value.diagnostics
    assert message in fault.message
    assert hint in str(fault.hint)


@pytest.mark.parametrize(
    ("text", "encoding", "read"),
    [
        ("Почта;Имя;Фамилия\nana@client.example;Анна;Иванова\n", "cp1251", "Почта;Имя;Фамилия"),
        ("Email;Prenume;Țară\n".replace("Ț", "Ţ") + "ana@client.example;Ana;RO\n", "iso8859-2", "Email;Prenume;Ţară"),
        ("E-mail;Křestní\nana@client.example;Jiří\n", "cp1250", "E-mail;Křestní"),
        # The faulty byte is the last of the line, where it could be the first of a letter of several bytes.
        ("Email;Nume;Plată\nana@client.example;Ana;5\n", "cp1250", "Email;Nume;Plată"),
        ("Email;Plată;Nume\rana@client.example;5;Ana\r", "cp1250", "Email;Plată;Nume"),
    ],
)
def test_the_option_for_the_encoding_is_named_with_what_it_reads(
    sqlite_desk: Desk, text: str, encoding: str, read: str
) -> None:
    with pytest.raises(Invalid) as refused:
        sqlite_desk.bring(Kind.CUSTOMERS, text.encode(encoding))
    (fault,) = refused.value.diagnostics
    assert fault.message == "the names of the columns are not UTF-8"
    assert f"reads `{read}`" in str(fault.hint)
    assert sqlite_desk.bring(Kind.CUSTOMERS, text.encode(encoding), encoding=encoding).added == 1


def test_a_byte_in_a_first_row_costs_that_row(sqlite_desk: Desk) -> None:
    lines = '{"id": "1", "name": "Renée"}\n{"id": "2", "name": "Ana"}\n'.encode("cp1252")
    report = sqlite_desk.bring(Kind.CUSTOMERS, lines, "clients.jsonl")
    assert (report.added, report.refused) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf_16_is_recognised(sqlite_desk: Desk, encoding: str) -> None:
    content = "Email;First name\nana@client.example;Zoë\n".encode(encoding)
    assert sqlite_desk.bring(Kind.CUSTOMERS, content).added == 1
    assert sqlite_desk.rows(tables.customers, "first_name") == [("Zoë",)]


def test_a_first_line_may_name_the_separator(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, "sep=;\nEmail;Company\na@client.example;A, B\nnobody;C\n")
    assert (report.added, report.bad[0].line) == (1, 4)
    assert sqlite_desk.rows(tables.customers, "company") == [("A, B",)]


def test_titles_above_the_names_of_the_columns_are_left_out(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(
        Kind.CUSTOMERS, "Clients export 30.11.2026,,\n,,\nEmail,Name,Phone\na@client.example,A,1\nnobody,B,2\n"
    )
    assert (report.added, report.bad[0].line) == (1, 5)
    assert report.notes == ("2 lines above the names of the columns were left out: `Clients export 30.11.2026,,`",)


@pytest.mark.parametrize("content", ["id\nc-1\nc-2\n", "id\na,b\nc,d\n", "email\nana@client.example\n"])
def test_one_column_is_no_title(sqlite_desk: Desk, content: str) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    assert report.notes == ()
    assert list(report.columns) == [content.split("\n", maxsplit=1)[0]]


FOOTER = '\n"New Contacts Report"\n"Confidential - Do Not Distribute"\n"Total:  1 records"\n'


def test_the_footer_of_a_report_is_left_out(sqlite_desk: Desk) -> None:
    table = '"Contact ID","First Name","Email"\n"003A01","Sofia","sofia@client.example"\n'
    report = sqlite_desk.bring(Kind.CUSTOMERS, table + FOOTER)
    assert (report.rows, report.added, report.refused) == (1, 1, 0)
    assert report.notes == ("3 lines at the end were left out as the footer of a report: `New Contacts Report`",)
    more = sqlite_desk.bring(Kind.CUSTOMERS, table + FOOTER + '"003A02","Rita","rita@client.example"\n')
    assert (more.added, more.unchanged, more.refused) == (1, 1, 3)
    assert {bad.reason for bad in more.bad} == {"has one cell only"}


@pytest.mark.parametrize(
    ("line", "left_out"),
    [("Total: 1 records", True), ("Total: 1 records,,", True), ("Total", True), ("Total,,7", True), ("c-9", False)],
)
def test_a_line_of_text_or_sums_at_the_end_is_nobody(sqlite_desk: Desk, line: str, left_out: bool) -> None:
    table = "id,first name,points\nc-1,Total,3\n"
    report = sqlite_desk.bring(Kind.CUSTOMERS, table + line + "\n")
    assert (len(sqlite_desk.rows(tables.customers, "id")) == 1) is left_out
    assert bool(report.notes) is left_out
    more = sqlite_desk.bring(Kind.CUSTOMERS, table + line + "\nc-2,Ana,4\n")
    assert more.refused == left_out


def test_a_quotation_mark_in_the_wrong_place_hides_no_row(sqlite_desk: Desk) -> None:
    content = 'id,first name,notes\nc-1,Ana,"a 5" pipe"\nc-2,Bo,"\nc-3,Cy,\n'
    report = sqlite_desk.bring(Kind.CUSTOMERS, content)
    hint = "is there a quotation mark that is not closed?"
    assert [(bad.line, bad.hint) for bad in report.bad] == [(2, hint), (3, hint)]
    assert (report.refused, report.added) == (2, 0)
