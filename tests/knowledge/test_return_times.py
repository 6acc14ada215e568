"""After how long clients buy again: of those who do, whatever many have not had the time to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.knowledge.return_times import MIN_RETURNS, shares_returned

counts = st.dictionaries(st.integers(1, 400), st.integers(1, 30), max_size=20)


def test_with_everybody_back_the_share_is_that_of_those_who_are() -> None:
    assert shares_returned({10: 60, 20: 30, 40: 10}, {}) == [
        (0, 0.0), (10, pytest.approx(0.6)), (20, pytest.approx(0.9)), (40, pytest.approx(1.0)),
    ]  # fmt: skip


def test_those_who_will_not_come_back_change_nothing() -> None:
    """Seen for longer than anybody took, they say nothing of how long it takes."""
    assert shares_returned({10: 60, 20: 40}, {500: 900}) == [
        (0, 0.0),
        (10, pytest.approx(0.6)),
        (20, pytest.approx(1.0)),
    ]


def test_who_has_not_been_seen_long_does_not_make_returns_look_quick() -> None:
    dice = np.random.default_rng(4)
    gaps, seen = np.ceil(dice.exponential(40, 20_000)), np.floor(dice.uniform(0, 300, 20_000))
    back = gaps <= seen
    returned, waiting = ({int(d): int(n) for d, n in zip(*np.unique(v, return_counts=True), strict=True)}
                         for v in (gaps[back], seen[~back]))  # fmt: skip
    within = max(share for days, share in shares_returned(returned, waiting) if days <= 40)
    assert within == pytest.approx(1 - np.exp(-1), abs=0.02)
    assert (gaps[back] <= 40).mean() > 0.66, "which a plain share would say"


@given(counts, counts)
def test_shares_grow_from_nothing_to_all(returned: dict[int, int], waiting: dict[int, int]) -> None:
    found = shares_returned(returned, waiting)
    if sum(returned.values()) < MIN_RETURNS:
        assert found == []
        return
    days, shares = zip(*found, strict=True)
    assert list(days) == sorted(set(days))
    assert list(shares) == sorted(set(shares))
    assert (found[0], shares[-1]) == ((0, 0.0), pytest.approx(1.0))
    assert len(found) <= 101
