"""Score intervals against published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.experiments import DAYS, Situation, covered, simulated
from regulars.insights.intervals import Z, always_valid_difference, always_valid_z, difference, wilson


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


def test_the_bound_is_that_of_the_normal_mixture() -> None:
    """Howard et al. 2021, equation 14: sqrt((v + rho) log((v + rho) / (alpha**2 rho))), over the root of v."""
    v, rho = 5_000 * 500 / 5_500, 25.0  # the information of the groups, and that of an effect of a fifth
    assert always_valid_z(5_000, 500) == pytest.approx((((v + rho) * np.log((v + rho) / (0.05**2 * rho))) / v) ** 0.5)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.data())
def test_what_holds_at_every_look_is_wider_than_what_holds_at_one(total: int, other: int, data: st.DataObject) -> None:
    hits, other_hits = data.draw(st.integers(0, total)), data.draw(st.integers(0, other))
    always, once = (of(hits, total, other_hits, other) for of in (always_valid_difference, difference))
    assert -1 <= always.low <= once.low + 1e-12
    assert once.high - 1e-12 <= always.high <= 1
    assert always_valid_z(total, other) > 3 > Z


@pytest.mark.slow
@pytest.mark.parametrize("base", [0.02, 0.27])
def test_looking_every_day_finds_no_effect_that_is_not_there(base: float) -> None:
    """1,000 experiments of 2,000 clients in 60 days; `benchmarks.experiments` has more of them."""
    random = np.random.default_rng(17)
    drawn, _ = simulated(random, Situation("", 1.0, base, 0.0), 2_000, 0.0, 1_000)
    assert covered(drawn, always_valid_difference, 0.0, range(DAYS)).all(axis=1).mean() > 0.95
    assert covered(drawn, difference, 0.0, range(DAYS)).all(axis=1).mean() < 0.85
    assert 0.93 < covered(drawn, difference, 0.0, [DAYS - 1]).mean() < 0.98
