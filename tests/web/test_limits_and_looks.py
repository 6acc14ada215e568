"""Buckets that fill again, and a company's colour that can be read on light and on dark."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from regulars.web.rate_limit import Limiter
from regulars.web.recipient.page_templates import _contrast, stylesheet


def test_a_bucket_is_emptied_and_fills_again() -> None:
    seconds = 0.0
    limiter = Limiter(rate=0.5, burst=3, clock=lambda: seconds)
    assert [limiter.allows("a") for _ in range(4)] == [True, True, True, False]
    assert limiter.allows("b")
    seconds = 1.9
    assert not limiter.allows("a")
    seconds = 4.0
    assert [limiter.allows("a") for _ in range(3)] == [True, True, False]


def test_memory_is_bounded() -> None:
    limiter = Limiter(rate=1, burst=1)
    for number in range(20_050):
        limiter.allows(str(number))
    assert len(limiter._buckets) == 20_000
    assert limiter.allows("0")  # forgotten
    assert not limiter.allows("20049")


def rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


@given(color=st.from_regex(r"\A#[0-9a-fA-F]{6}\Z"))
def test_any_colour_can_be_read_on_both_grounds(color: str) -> None:
    found = dict(re.findall(r"--(brand|brand-dark): (#[0-9a-f]{6});", stylesheet(color)))
    assert _contrast(rgb(found["brand"]), (255, 255, 255)) >= 4.5
    assert _contrast(rgb(found["brand-dark"]), (24, 26, 27)) >= 4.5


def test_a_readable_colour_stays_as_it_is() -> None:
    assert "--brand: #2f6b46;" in stylesheet("#2F6B46")
