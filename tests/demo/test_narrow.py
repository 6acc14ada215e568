"""In a terminal of 80 columns no command breaks a word, and no line is longer than the terminal is wide."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from regulars.cli import main
from tests.demo.conftest import Demo

pytestmark = pytest.mark.slow

NARROW, WIDE = 80, 2000
EVENING = ("--now", "2026-06-10T22:00")
COMMANDS = [
    ("plan", *EVENING, "--days", "2"),
    ("report", *EVENING),
    ("explain", "v-070", *EVENING),
    ("explain", "v-070", "win-back", *EVENING),
    ("describe",),
    ("check",),
    ("survey", "loyalty"),
    ("suppressions",),
    ("duplicates",),
]


def _printed(demo: Demo, command: tuple[str, ...], columns: int) -> list[str]:
    runner = CliRunner(env={"COLUMNS": str(columns)})
    result = runner.invoke(main, ["-w", str(demo.folder), *command], prog_name="regulars")
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def _words(lines: list[str]) -> set[str]:
    return {word.rstrip(":") for line in lines for word in line.split() if set(word) != {"─"}}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_line_is_too_long_and_no_word_is_broken(demo: Demo, command: tuple[str, ...]) -> None:
    lines = _printed(demo, command, NARROW)
    assert [line for line in lines if len(line) > NARROW] == []
    assert _words(lines) <= _words(_printed(demo, command, WIDE))


@pytest.mark.parametrize("command", [one for one in COMMANDS if one[0] != "survey"], ids=" ".join)
def test_rows_of_nothing_are_left_out(demo: Demo, command: tuple[str, ...]) -> None:
    rows = [line.split()[1:] for line in _printed(demo, command, WIDE)]
    assert [row for row in rows if row and set(row) <= {"0", "–"}] == []
