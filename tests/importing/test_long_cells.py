"""Cells of any length are read in one go: the readers of purchased and of linked articles."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.importing.cells import pieces
from regulars.importing.products import sequence

PIECE = re.compile(r"^(?P<sku>.+?)\s*(?:[×*]\s*|\s[xX]\s?)(?P<count>\d{1,6})$")
NEXT = re.compile(r"^(?P<sku>.+?)\s*:\s*(?P<days>\d{1,4})(?:\s*days?)?$")
"""What is meant, in patterns that take hours over a long cell."""


@pytest.mark.parametrize("cell", ["a" + " " * 1_000_000 + "b", "a" + " x" * 500_000, "a" + "* " * 500_000,
                                  "a" + ": " * 500_000, "a:" + " " * 1_000_000 + "b"])  # fmt: skip
def test_a_long_cell_is_read_in_one_go(cell: str) -> None:
    assert pieces([cell])
    assert sequence([cell])


@given(st.text(alphabet="ab 12x*×:days", min_size=1, max_size=14))
def test_articles_are_read_as_they_are_meant(cell: str) -> None:
    item = f"a{cell}".strip()
    several, following = PIECE.match(item), NEXT.match(item)
    [found] = pieces([item])
    assert found["sku"] == (several["sku"] if several else item)
    assert found.get("quantity") == (int(several["count"]) if several else None)
    assert sequence([item]) == [(following["sku"], int(following["days"])) if following else (item, None)]
