"""Score intervals against published values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.insights.intervals import difference, wilson


@pytest.mark.parametrize(
    ("hits", "total", "other", "of", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 10, 0.6075, 1.0000),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 10, -0.2775, 0.2775),
    ],
)
def test_differences_are_those_of_the_paper(
    hits: int, total: int, other: int, of: int, low: float, high: float
) -> None:  # fmt: skip
    found = difference(hits, total, other, of)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_a_share_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="0 of 0"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


@given(st.integers(1, 10_000), st.data())
def test_the_share_lies_in_its_interval(total: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, total))
    found = wilson(hits, total)
    assert 0 <= found.low <= hits / total + 1e-12
    assert hits / total - 1e-12 <= found.high <= 1
