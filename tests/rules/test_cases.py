"""Each broken rule file gives its diagnostic at its line, and the mended file gives none."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import render
from regulars.rules.codes_rules import table
from tests.rules.folders import Case, cases, read

CASES = list(cases())


def test_there_are_cases_of_many_kinds() -> None:
    assert len(CASES) >= 60
    assert len({case.code for case in CASES}) >= 30


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_file_is_diagnosed_at_its_line(case: Case, tmp_path: Path) -> None:
    loaded = read(tmp_path, case.fail)
    shown = render(loaded.diagnostics, loaded.sources)
    found = [d for d in loaded.diagnostics if d.code == case.code and d.span and d.span.line == case.line]
    assert len(found) == 1, shown
    place = found[0].span
    assert place is not None
    assert case.column is None or place.column == case.column, shown
    assert case.says is None or case.says in found[0].message, shown
    assert case.hint is None or case.hint in (found[0].hint or ""), shown
    assert (loaded.rulebook is None) == (not table()[case.code].warning)


@pytest.mark.parametrize("case", [c for c in CASES if c.mended], ids=lambda case: case.name)
def test_the_mended_file_is_sound(case: Case, tmp_path: Path) -> None:
    loaded = read(tmp_path, case.mended or "")
    assert loaded.diagnostics == [], render(loaded.diagnostics, loaded.sources)
    assert loaded.rulebook is not None


def test_no_fault_is_said_twice(tmp_path: Path) -> None:
    for index, case in enumerate(CASES):
        loaded = read(tmp_path / str(index), case.fail)
        places = [(d.span, d.code, d.message) for d in loaded.diagnostics]
        assert len(set(places)) == len(places), case.name
