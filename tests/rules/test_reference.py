"""docs/rules.md: its tables are those of the models, and its examples load."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from regulars.core.diagnostics import Diagnostic, render
from regulars.rules.grammar import Schedule
from regulars.rules.loader import load
from regulars.rules.reference import filled
from tests.rules.folders import read, write

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_tables_of_keys_are_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("REGULARS_SNAPSHOTS") == "write":
        page = filled(page)
        PAGE.write_text(page, encoding="utf-8")
    assert page == filled(page), "REGULARS_SNAPSHOTS=write makes them anew"


def test_a_page_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="keys of Company"):
        filled("")


def test_the_examples_load(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        found = (
            read(tmp_path / str(number), block).diagnostics
            if "company:" in block
            else _beside(tmp_path / str(number), block)
        )
        assert found == [], render(found, {})


def _beside(folder: Path, block: str) -> list[Diagnostic]:
    company = "company: {name: A, from: a@studio.example, address: x}\n"
    return load(write(folder, {"company.yaml": company, "rules.yaml": block})).diagnostics


def test_every_schedule_of_the_page_is_one() -> None:
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| schedule |"))
    phrases = re.findall(r"`([^`]+)`", row)
    assert len(phrases) >= 7
    for phrase in phrases:
        assert Schedule.parse(phrase).cron != phrase
