"""What docs/import.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.importing.column_names import (
    ALIASES,
    APPOINTMENTS,
    CONSENTS,
    COUPONS,
    EVENTS,
    LEDGER,
    MANAGERS,
    PREFERENCES,
    PRODUCTS,
    PURCHASES,
    REDEMPTIONS,
    SUPPRESSIONS,
)
from regulars.importing.report import Kind
from regulars.importing.service import _IMPORTERS
from regulars.rules.fields import CONSENT_COLUMNS, IMPORTED
from tests.importing.conftest import Desk

PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text()
WORDS = {
    Kind.CUSTOMERS: (*IMPORTED, *CONSENT_COLUMNS),
    Kind.PURCHASES: PURCHASES,
    Kind.PRODUCTS: PRODUCTS,
    Kind.EVENTS: EVENTS,
    Kind.MANAGERS: MANAGERS,
    Kind.APPOINTMENTS: APPOINTMENTS,
    Kind.COUPONS: COUPONS,
    Kind.REDEMPTIONS: REDEMPTIONS,
    Kind.SUPPRESSIONS: SUPPRESSIONS,
    Kind.ALIASES: ALIASES,
    Kind.CONSENTS: CONSENTS,
    Kind.PREFERENCES: PREFERENCES,
    Kind.LEDGER: LEDGER,
}


def test_the_example_says_what_happens(sqlite_desk: Desk) -> None:
    content, printed = re.findall(r"```(?:csv|text)\n(.*?)\n```", PAGE, re.DOTALL)
    report = sqlite_desk.bring(Kind.CUSTOMERS, content, "clients.csv")
    head, rest = printed.split("\n", 1)
    assert [int(n) for n in re.findall(r"\d+", head)] == [
        report.rows, report.added, report.changed, report.unchanged, report.refused,
    ]  # fmt: skip
    assert re.findall(r"column `(.*?)` was not read", rest) == list(report.ignored)
    told = " ".join(rest.split("──\n")[1].split())
    expected = [f"{b.line} {b.column} {b.value} {b.reason}" + (f"; {b.hint}" if b.hint else "") for b in report.bad]
    assert told == " ".join(expected)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_names_every_column_and_what_is_needed(kind: Kind) -> None:
    _, needed, may = re.findall(rf"^\| ({kind}) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)[0]
    importer = _IMPORTERS[kind]
    assert re.findall(r"`(\w+)`", needed) == [name for choice in importer.needed for name in choice]
    named = set(re.findall(r"`(\w+)`", needed + may)) - ({"purchase"} if kind is Kind.PURCHASES else set())
    assert named == set(WORDS[kind])
