"""The page of codes: made from the tables, complete, and current."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from regulars.rules.codes_rules import table
from regulars.workspace import code_pages

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "diagnostics.md"


def test_the_page_is_current() -> None:
    if os.environ.get("REGULARS_SNAPSHOTS") == "write":
        PAGE.write_text(code_pages.page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == code_pages.page(), "REGULARS_SNAPSHOTS=write makes it anew"


def test_no_code_stands_for_two_mistakes() -> None:
    headings = re.findall(r"^### ([A-Z]\d{3}): ", code_pages.page(), re.MULTILINE)
    assert [code for code, number in Counter(headings).items() if number > 1] == []


def test_every_code_that_can_be_said_is_on_the_page() -> None:
    said: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        if "codes" not in path.name:
            said |= set(re.findall(r'"([A-Z]\d{3})"', path.read_text(encoding="utf-8")))
    explained = {*table(), *(code.code for code in (*code_pages.CONDITIONS, *code_pages.EMAILS, *code_pages.DATA))}
    assert said == explained
    for code in explained:
        assert f"### {code}: " in code_pages.page()
