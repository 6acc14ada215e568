"""Lists of suppressed addresses: whatever a row says beside its address, the address is suppressed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.consent import rights
from regulars.core import ids
from regulars.db import tables
from regulars.db.engine import write
from regulars.importing.report import Kind
from regulars.importing.suppression_list import comment
from tests.common.people import SECRET
from tests.importing.conftest import NOW, Desk

ADA = ids.address_hash("ada@client.example", SECRET)


def kept(desk: Desk, *columns: str) -> list[tuple[object, ...]]:
    return desk.rows(tables.suppressions, *columns)


def test_an_export_in_the_words_of_another_service(desk: Desk) -> None:
    desk.bring(Kind.CUSTOMERS, "id,email\nc-1,ada@client.example\n")
    content = (
        "Recipient;Type;Scope;Created_at;Error\n"
        "ADA@client.example;Hard_Bounce;;2026-01-31T10:00Z;550 5.1.1 no such user\n"
        "bo@client.example;Spam Complaint;newsletter;31.01.2026;\n"
        "cy@client.example;unsubscribed;all;;\n"
    )
    report = desk.bring(Kind.SUPPRESSIONS, content)
    assert (report.added, report.changed, report.unchanged, report.refused) == (3, 0, 0, 0)
    assert report.notes == ("1 clients have one of the addresses",)
    assert sorted(kept(desk, "reason", "scope", "detail")) == [
        ("bounced", "all", "550 5.1.1 no such user"), ("complained", "marketing", None), ("manual", "all", None),
    ]  # fmt: skip
    assert (ADA, datetime(2026, 1, 31, 10, tzinfo=UTC)) in kept(desk, "email_hash", "at")
    assert desk.rows(tables.consent_log, "source", "detail")[-1] == (
        "bounced", {"suppressed": "all", "by": "import", "why": "550 5.1.1 no such user"},
    )  # fmt: skip
    again = desk.bring(Kind.SUPPRESSIONS, content)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 3)
    assert desk.bring(Kind.CUSTOMERS, "id,email\nc-9,bo@client.example\n").added == 1, "who comes later is barred, too"


def test_what_is_not_understood_is_taken_for_the_stricter_and_told(desk: Desk) -> None:
    rows = [
        {"email": "ada@client.example", "reason": "550 mailbox full\nfor ever", "scope": "some", "date": "03/04/2025"},
        {"email": "bo@client.example", "reason": ["x"], "date": "2099-01-01", "detail": "d" * 9_000},
        {"email": "no address"},
        {"email": "", "reason": "bounced"},
    ]
    report = desk.bring(Kind.SUPPRESSIONS, "\n".join(map(json.dumps, rows)), "list.jsonl", reason="bounced")
    assert (report.added, report.refused, [fault.line for fault in report.bad]) == (2, 2, [3, 4])
    assert set(report.notes) == {
        "2 rows have a reason of their own; kept as `bounced`, with their words",
        "1 rows have a scope that is neither `all` nor `marketing`; they were suppressed from all",
        "2 dates could not be read, so these rows count from today",
    }
    assert set(kept(desk, "reason", "scope", "at")) == {("bounced", "all", NOW)}
    assert ("550 mailbox full for ever",) in kept(desk, "detail")


@pytest.mark.parametrize("order", [1, -1])
def test_of_rows_with_one_address_the_strictest_counts(desk: Desk, order: int) -> None:
    rows = ["ada@client.example,marketing", "Ada@CLIENT.example,all", "ada@client.example,marketing"][::order]
    report = desk.bring(Kind.SUPPRESSIONS, "\n".join(["address,scope", *rows]))
    assert (report.added, report.changed, report.unchanged) == (1, 0, 2)
    assert kept(desk, "email_hash", "scope") == [(ADA, "all")]


def test_a_wider_scope_changes_and_an_erased_person_stays_erased(desk: Desk) -> None:
    with write(desk.engine) as connection:
        rights.suppress(connection, ADA, "all", rights.ERASED, NOW)
    content = "email,scope,reason\nada@client.example,marketing,bounced\nbo@client.example,{},manual\n"
    assert desk.bring(Kind.SUPPRESSIONS, content.format("marketing")).added == 1
    assert desk.bring(Kind.SUPPRESSIONS, content.format("all")).changed == 1
    assert sorted(kept(desk, "reason", "scope")) == [("erased", "all"), ("manual", "all")]


@pytest.mark.parametrize(
    "content", ["ada@client.example\n\nbo@client.example\n", "\ufeff<ada@client.example>\r\n'bo@client.example',\r\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_bare_list(sqlite_desk: Desk, content: str, encoding: str) -> None:
    text = content if encoding == "utf-8" else content.removeprefix("\ufeff")
    report = sqlite_desk.bring(Kind.SUPPRESSIONS, text.encode(encoding), "list.txt")
    assert (report.rows, report.added, report.bad) == (2, 2, [])


@given(raw=st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text())))
def test_any_cell_is_a_comment(raw: object) -> None:
    line = comment(raw)
    assert line is None or (0 < len(line) <= 500 and line.isprintable() and line == line.strip())
