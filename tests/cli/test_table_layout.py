"""Tables break at blanks only, fit their width, and leave out what says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from regulars.cli.output import table_of_counts
from regulars.cli.table_layout import Rows, table_lines

HEADINGS = ("campaign", "sent", "held", "why")
WORD = st.text("abcXYZ-.@жы漢🎈", min_size=1, max_size=12)
CELL = st.lists(WORD, max_size=6).map(" ".join)
ROWS = st.lists(st.tuples(WORD, st.integers(0, 10**6).map(str), CELL, CELL), min_size=1, max_size=5)


def _lines(rows: Rows, width: int) -> list[str]:
    head, below = table_lines(HEADINGS, rows, (1,), width)
    return [*head.splitlines(), *"\n".join(below).splitlines()]


@given(rows=ROWS, width=st.integers(40, 120))
def test_no_line_is_too_long_and_no_word_is_broken(rows: Rows, width: int) -> None:
    lines = _lines(rows, width)
    assert all(cell_len(line) <= width for line in lines)
    assert all(line == line.rstrip() for line in lines)
    words = {word for row in rows for cell in row for word in cell.split()}
    printed = {word for line in lines for word in line.split()}
    assert words <= printed
    assert printed <= words | {heading + end for heading in HEADINGS for end in ("", ":")} | {
        word for word in printed if set(word) == {"─"}
    }


def test_where_there_is_room_a_row_is_a_line() -> None:
    rows = [("win-back", "4", "–", "it is night for them"), ("birthday", "12", "1 cap", "")]
    assert _lines(rows, 60) == [
        "campaign   sent   held    why",
        "──────────────────────────────────────────────",
        "win-back      4   –       it is night for them",
        "birthday     12   1 cap",
    ]


def test_long_cells_fold_and_short_ones_stay_whole() -> None:
    rows = [("win-back", "4", "3 quiet-hours, 1 cap", "the client has bought nothing in the last thirty days")]
    assert _lines(rows, 50) == [
        "campaign   sent   held             why",
        "─────────────────────────────────────────────────",
        "win-back      4   3 quiet-hours,   the client has",
        "                  1 cap            bought nothing",
        "                                   in the last",
        "                                   thirty days",
    ]


def test_what_does_not_fit_side_by_side_is_told_line_by_line() -> None:
    rows = [("appointment-reminder", "4", "–", "a-reason-of-many-letters-without-a-blank, and more")]
    assert _lines(rows, 50) == [
        "appointment-reminder",
        "  sent: 4",
        "  why: a-reason-of-many-letters-without-a-blank,",
        "    and more",
    ]


def test_columns_of_nothing_go_before_the_table_does() -> None:
    rows = [("appointment-reminder", "4", "–", "with-many-letters")]
    assert _lines(rows, 46)[0] == "campaign              sent  why"


@pytest.mark.parametrize(
    ("rows", "printed"),
    {
        (("a", "0", "–"), ("b", "2", "–"), ("c", "0", "1 cap"), ("d", "0", "–")): "Nothing in 2 more campaigns.",
        (("a", "0", "–"),): "Nothing in 1 campaign.",
    }.items(),
)
def test_campaigns_of_nothing_are_only_counted(
    rows: tuple[tuple[str, ...], ...], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table_of_counts(("campaign", "due", "held"), rows, numbers=(1,))
    lines = capsys.readouterr().out.splitlines()
    assert printed in lines
    assert not any(line.startswith(("a ", "d ")) for line in lines)


def test_control_characters_of_data_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table_of_counts(("campaign", "due"), [("a\x1b[2Jb", "1")], numbers=(1,))
    assert "\x1b[2J" not in capsys.readouterr().out
