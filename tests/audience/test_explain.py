"""An explanation shows each part with its value, and never disagrees with the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.audience.clause_words import why_not
from regulars.audience.clauses import Clause, show
from regulars.audience.expression import parse
from regulars.audience.person import EventFact, Person, PurchaseFact, PurchaseLine
from regulars.audience.problems import ExpressionErrors
from tests.audience.conditions import conditions
from tests.audience.populations import CATALOGUE

NOW = datetime(2026, 6, 10, 9, tzinfo=UTC)
HAIRCUT = PurchaseLine("haircut", "hair", 1, Decimal("60.5"))
ADA = Person(
    fields={
        "name": "Ada", "country": None, "birthday": datetime(1990, 2, 28, tzinfo=UTC).date(), "purchases": 2,
        "spent": Decimal("60.5"), "rhythm": 50.0, "last_purchase_at": datetime(2026, 4, 1, 9, tzinfo=UTC),
        "created_at": datetime(2026, 1, 1, tzinfo=UTC), "tags": ["new", 1], "credit": "7",
    },
    purchases=[PurchaseFact(datetime(2026, 4, 1, 9, tzinfo=UTC), Decimal("60.5"), (HAIRCUT,))],
    events=[EventFact("visit.done", datetime(2026, 6, 1, tzinfo=UTC), {"score": 5})],
)  # fmt: skip


def lines(text: str) -> list[str]:
    """The explanation for Ada, as printed."""
    return list(parse(text, CATALOGUE).explain(ADA, NOW).lines())


def test_a_comparison_shows_both_sides() -> None:
    clause = parse("customer.overdue >= 2", CATALOGUE).explain(ADA, NOW)
    assert str(clause) == "customer.overdue >= 2: 1.4 >= 2 is false"
    assert [(part.text, part.value) for part in clause.parts] == [("customer.overdue", 1.4), ("2", 2.0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "customer.overdue >= 2 or (days_since(customer.last_purchase_at) > 60)",
            [
                "customer.overdue >= 2 or (days_since(customer.last_purchase_at) > 60): true",
                "  customer.overdue >= 2: 1.4 >= 2 is false",
                "  days_since(customer.last_purchase_at) > 60: 70 > 60 is true",
                "    days_since(customer.last_purchase_at): days_since(2026-04-01 09:00 UTC) is 70",
            ],
        ),
        (
            "bought('hair') and not did('complaint')",
            [
                "bought('hair') and not did('complaint'): true",
                "  bought('hair'): true",
                "  not did('complaint'): true",
                "    did('complaint'): false",
            ],
        ),
        ("customer.country == 'MD'", ["customer.country == 'MD': unknown == 'MD' is unknown"]),
        ("customer.name not in ['Ada']", ["customer.name not in ['Ada']: 'Ada' not in ['Ada'] is false"]),
        ("customer.birthday is not none", ["customer.birthday is not none: 1990-02-28 is not none is true"]),
        ("'new' in customer.tags", ["'new' in customer.tags: 'new' in ['new', 1] is true"]),
        ("contains(customer.name, 'da')", ["contains(customer.name, 'da'): contains('Ada', 'da') is true"]),
        ("customer.vip", ["customer.vip: unknown"]),
        (
            "1 < customer.purchases < 2",
            [
                "1 < customer.purchases < 2: false",
                "  1 < customer.purchases: 1 < 2 is true",
                "  customer.purchases < 2: 2 < 2 is false",
            ],
        ),
        (
            "(customer.credit if customer.vip else 0) + 1 == 1",
            [
                "(customer.credit if customer.vip else 0) + 1 == 1: 1 == 1 is true",
                "  (customer.credit if customer.vip else 0) + 1: (0) + 1 is 1",
                "    customer.credit if customer.vip else 0: 0",
                "      customer.credit: 7",
                "      customer.vip: unknown",
            ],
        ),
        (
            "customer.created_at < '2026-01-01'",  # midnight in Tallinn
            ["customer.created_at < '2026-01-01': 2026-01-01 00:00 UTC < 2025-12-31 22:00 UTC is false"],
        ),
        # Rounded to four decimals this would read `2 >= 2 is false`.
        ("1.99999 >= customer.purchases", ["1.99999 >= customer.purchases: 1.99999 >= 2.0 is false"]),
    ],
)  # fmt: skip
def test_the_tree(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "unknown"), (True, "true"), (False, "false"), (2.0, "2"), (-0.0, "0"), (1.40001, "1.4"), (1e-9, "1e-09"),
        (1e15, "1000000000000000"),
        ("it's", '"it\'s"'), (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04 UTC"),
    ],
)  # fmt: skip
def test_show(value: object, written: str) -> None:
    assert show(value) == written


def test_a_segment_is_explained_by_its_own_parts() -> None:
    clause = parse("customer.purchases > 1 and in_segment('both')", CATALOGUE).explain(ADA, NOW)
    said = list(clause.lines())
    at = said.index("  in_segment('both'): false")
    assert said[at + 1 : at + 3] == [
        "    in_segment('spenders') and not in_segment('named'): false", "      in_segment('spenders'): false",
    ]  # fmt: skip
    assert why_not(clause) == "last bought 70 days ago and `not in_segment('named')` is false"


@given(conditions(), st.booleans())
def test_the_explanation_agrees_with_the_answer(text: str, known: bool) -> None:
    try:
        expression = parse(text, CATALOGUE)
    except ExpressionErrors:
        return
    person = ADA if known else Person(fields={})
    clause = expression.explain(person, NOW)
    assert expression.evaluate(person, NOW) is (clause.value is True)
    check(clause, text)
    assert next(clause.lines()) == str(clause)


def check(clause: Clause, text: str) -> None:
    """Every part's text is a part of the whole's."""
    assert clause.text
    assert clause.text in text
    for part in clause.parts:
        check(part, part.text if clause.segment else clause.text)
