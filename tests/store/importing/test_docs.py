"""What docs/import.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.store.importing import Kind
from regulars.store.importing.service import _IMPORTERS
from regulars.store.importing.words import CUSTOMERS, EVENTS, MANAGERS, PRODUCTS, PURCHASES
from tests.store.importing.conftest import Desk

PAGE = (Path(__file__).parents[3] / "docs" / "import.md").read_text()
WORDS = {
    Kind.CUSTOMERS: CUSTOMERS,
    Kind.PURCHASES: PURCHASES,
    Kind.PRODUCTS: PRODUCTS,
    Kind.EVENTS: EVENTS,
    Kind.MANAGERS: MANAGERS,
}


def test_the_example_prints_what_the_page_says(sqlite_desk: Desk) -> None:
    content, printed = re.findall(r"```(?:csv|text)\n(.*?)\n```", PAGE, re.DOTALL)
    report = sqlite_desk.bring(Kind.CUSTOMERS, content, "clients.csv")
    assert "\n".join(report.lines("clients.csv")) == printed


@pytest.mark.parametrize("kind", list(Kind))
def test_the_page_names_every_column_and_what_is_needed(kind: Kind) -> None:
    _, needed, may = re.findall(rf"^\| ({kind}) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)[0]
    importer = _IMPORTERS[kind]
    assert re.findall(r"`(\w+)`", needed) == [name for choice in importer.needed for name in choice]
    named = set(re.findall(r"`(\w+)`", needed + may)) - ({"purchase"} if kind is Kind.PURCHASES else set())
    assert named == set(WORDS[kind])
