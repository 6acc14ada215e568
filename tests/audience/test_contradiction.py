"""A condition that is called impossible is met by nobody; the plain contradictions are found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.audience.contradiction import impossible
from regulars.audience.expression import Expression
from regulars.audience.person import Person
from tests.common.rules import rules

NEVER = (
    "customer.purchases > 5 and customer.purchases < 3",
    "customer.purchases >= 5 and customer.purchases < 5",
    "customer.locale == 'uk' and customer.locale == 'en'",
    "customer.locale in ['uk', 'ro'] and customer.locale == 'en'",
    "not customer.spent > 3 and customer.spent > 4",
    "count('purchase') < 0",
    "customer.sci > 0.5 and (days_since(customer.birthday) > 90 and days_since(customer.birthday) < 30)",
    "(customer.spent > 5 and customer.spent < 1) or (customer.spent < 0 and customer.spent > 2)",
    "in_segment('rich') and customer.spent < 10",
)
MAY = (
    "customer.purchases > 3 and customer.purchases < 5",
    "customer.purchases >= 5 and customer.purchases <= 5",
    "customer.spent > 5 or customer.spent < 1",
    "count('purchase', within='30 days') > 5 and count('purchase') < 9",
    "customer.locale in ['uk', 'ro'] and customer.locale != 'uk'",
)


def read(text: str) -> Expression:
    """The condition, with a segment."""
    made = rules({"a": {"when": text, "email": "a"}}, segments={"rich": "customer.spent > 100"})
    return made.conditions["campaigns", "a", "when"]


@pytest.mark.parametrize("text", NEVER)
def test_a_plain_contradiction_is_found(text: str) -> None:
    assert impossible(read(text).node) is not None


@pytest.mark.parametrize("text", MAY)
def test_what_may_hold_is_left_alone(text: str) -> None:
    assert impossible(read(text).node) is None


_NUMBERS = st.integers(-2, 4)
_PARTS = st.builds(
    "{}customer.{} {} {}".format,
    st.sampled_from(["", "not "]), st.sampled_from(["purchases", "points"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _NUMBERS,
)  # fmt: skip


@given(st.recursive(_PARTS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)))
def test_nobody_meets_what_is_called_impossible(text: str) -> None:
    condition = read(text)
    if impossible(condition.node) is None:
        return
    now = datetime(2026, 6, 1, tzinfo=UTC)
    for purchases in range(-3, 6):
        for points in range(-3, 6):
            assert not condition.evaluate(Person({"purchases": purchases, "points": points}), now)
