from __future__ import annotations

import pytest

from regulars.core.errors import Invalid, NotFound
from regulars.db import tables
from regulars.importing.report import Kind
from regulars.importing.service import import_file
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Customer ID,E-mail,First Name,Last name,Date of birth,Time Zone",
         ["id", "email", "first_name", "last_name", "birthday", "timezone"]),
        ("Код клиента;Электронная почта;Имя;Фамилия;Дата рождения;Менеджер",
         ["id", "email", "first_name", "last_name", "birthday", "manager"]),
        ("id\te_mail\tprenume\tnume\tlimba\tțara", ["id", "email", "first_name", "last_name", "locale", "country"]),
        ("kliendi kood;e-post;eesnimi;perekonnanimi;sünniaeg;keel",
         ["id", "email", "first_name", "last_name", "birthday", "locale"]),
        ("ID,EMAIL ADDRESS,ім'я,прізвище,мова,points", ["id", "email", "first_name", "last_name", "locale", "points"]),
    ],
)  # fmt: skip
def test_columns_are_known_by_the_words_people_use(sqlite_desk: Desk, header: str, expected: list[str]) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, header + "\n")
    assert list(report.columns.values()) == expected
    assert report.ignored == {}


def test_a_name_of_our_own_wins_over_a_synonym_and_the_rest_is_ignored_with_the_nearest(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(Kind.CUSTOMERS, "Client,id,emial,shoe size,email\nx,c-1,,42,a@client.example\n")
    assert report.columns == {"id": "id", "email": "email"}
    assert report.ignored == {"Client": "id", "emial": "email", "shoe size": None}
    assert sqlite_desk.rows(tables.customers, "external_id", "attrs") == [("c-1", {})]


def test_the_persons_own_mapping_wins(sqlite_desk: Desk) -> None:
    report = sqlite_desk.bring(
        Kind.CUSTOMERS,
        "Email,Old e-mail,Kood,Nahk\nnew@client.example,old@client.example,c-1,dry\n",
        mapping={"Old e-mail": "email", "Kood": "id", "Nahk": "skin"},
    )
    assert report.columns == {"Old e-mail": "email", "Kood": "id", "Nahk": "skin"}
    assert sqlite_desk.rows(tables.customers, "email", "attrs") == [("old@client.example", {"skin": "dry"})]


@pytest.mark.parametrize(
    ("content", "mapping", "code", "words"),
    [
        ("", {}, "D001", "the file is empty"),
        ("\n \n", {}, "D001", "the file is empty"),
        ("id,id\n", {}, "D001", "two columns are called `id`"),
        ("[{}]\n", {}, "D001", "one JSON array"),
        ("PK\x03\x04", {}, "D001", "a spreadsheet"),
        ("shoe size\n42\n", {}, "D002", "no column for `id` or `email`"),
        ("id\n", {"emial": "email"}, "D003", "the file has no column `emial`"),
        ("id\n", {"id": "emial"}, "D004", "nothing is called `emial`"),
        ("id,b\n", {"id": "email", "b": "email"}, "D004", "two columns are mapped to `email`"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole(
    sqlite_desk: Desk, content: str, mapping: dict[str, str], code: str, words: str
) -> None:
    name = "customers.json" if content.startswith("[") else None
    with pytest.raises(Invalid) as caught:
        sqlite_desk.bring(Kind.CUSTOMERS, content, name, mapping=mapping)
    assert caught.value.diagnostics[0].code == code
    assert words in caught.value.diagnostics[0].message
    assert sqlite_desk.rows(tables.customers, "id") == []


def test_an_unknown_encoding_and_a_missing_file(sqlite_desk: Desk) -> None:
    with pytest.raises(Invalid, match="is not an encoding"):
        sqlite_desk.bring(Kind.CUSTOMERS, "id\n", encoding="klingon")
    with pytest.raises(NotFound, match="no file"):
        import_file(sqlite_desk.engine, Kind.CUSTOMERS, sqlite_desk.folder / "none.csv", now=NOW, secret=SECRET)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_delimiters_and_line_ends_are_told_apart(
    sqlite_desk: Desk, encoding: str, mark: str, end: str
) -> None:
    rows = [["id", "имя", "company"], ["c-1", "Ölu", '"Ana, Bo; Co"'], ["c-2", "", ""], ["", "", ""]]
    content = "".join(mark.join(row) + end for row in rows)
    report = sqlite_desk.bring(Kind.CUSTOMERS, content.encode(encoding))
    assert (report.rows, report.added, report.refused) == (2, 2, 0)
    assert sqlite_desk.rows(tables.customers, "external_id", "first_name", "company") == [
        ("c-1", "Ölu", "Ana, Bo; Co"),
        ("c-2", None, None),
    ]


def test_json_lines_may_bring_new_columns_late(sqlite_desk: Desk) -> None:
    lines = ['{"id": "c-1"}', "", '{"id": 2, "E-Mail": "two@client.example", "vip": true, "hat": 7}', '{"vip": null}']
    report = sqlite_desk.bring(Kind.CUSTOMERS, "\n".join(lines), "customers.jsonl")
    assert report.columns == {"id": "id", "E-Mail": "email", "vip": "vip"}
    assert list(report.ignored) == ["hat"]
    assert [fault.line for fault in report.bad] == [4]
    assert sqlite_desk.rows(tables.customers, "external_id", "email", "attrs") == [
        ("c-1", None, {}),
        ("2", "two@client.example", {"vip": True}),
    ]


def test_progress_ends_at_the_size_of_the_file(sqlite_desk: Desk) -> None:
    seen: list[tuple[int, int]] = []
    content = "id\n" + "".join(f"c-{n}\n" for n in range(5_000))
    sqlite_desk.bring(Kind.CUSTOMERS, content, progress=lambda done, whole: seen.append((done, whole)), batch=1_000)
    assert seen == sorted(seen)
    assert seen[-1] == (len(content), len(content))
    assert len(seen) == 5
