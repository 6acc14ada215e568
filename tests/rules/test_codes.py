"""The table of codes: every example does what it says, and the page that is made from it is current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.core.diagnostics import Severity, render
from regulars.rules.codes import Code
from regulars.rules.codes_rules import table
from tests.rules.folders import read

SOURCE = Path(__file__).parents[2] / "src" / "regulars" / "rules"
CODES = [code for code in table().values() if code.wrong and code.code != "R018"]  # languages: the workspace's test


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.code)
def test_the_wrong_example_gives_its_code(code: Code, tmp_path: Path) -> None:
    loaded = read(tmp_path, code.wrong.encode(code.encoding))
    found = {d.code: d for d in loaded.diagnostics}
    assert list(found) == [code.code], render(loaded.diagnostics, loaded.sources)
    assert (found[code.code].severity is Severity.WARNING) == code.warning


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.code)
def test_the_right_example_is_sound(code: Code, tmp_path: Path) -> None:
    loaded = read(tmp_path, code.right)
    assert loaded.diagnostics == [], render(loaded.diagnostics, loaded.sources)


def test_every_code_in_the_source_is_in_the_table_and_the_other_way_round() -> None:
    source = [path for path in SOURCE.glob("*.py") if not path.name.startswith("codes")]
    used = {code for path in source for code in re.findall(r'"([YR]\d{3})"', path.read_text(encoding="utf-8"))}
    assert used == set(table()) - {"R018"}


def test_codes_are_unique_and_every_meaning_is_a_sentence() -> None:
    for name, code in table().items():
        assert name == code.code
        assert code.meaning.endswith(".")
        assert bool(code.wrong) == bool(code.right)
