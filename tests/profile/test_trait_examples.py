"""Traits by example: discounts of ours, irregular purchases, old signals, answers just below a band."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, select

from regulars.cli.explain import _value
from regulars.db.engine import write
from regulars.db.tables import facts as kept
from regulars.profile import facts
from tests.common.people import add_customer, add_event, add_purchase

EVERY_MONTH = ("2026-01-10", "2026-02-09", "2026-03-11", "2026-04-10")
TWO_SPELLS = ("2026-01-10", "2026-01-20", "2026-04-10")  # gaps of 10 and 80 days
ALL_AT_ONCE = ("2024-01-10", "2024-01-11", "2026-04-10")


def _facts(engine: Engine, *, bought: tuple[str, ...] = (), events: tuple[tuple[Any, ...], ...] = (), **of: Any) -> Any:
    with write(engine) as connection:
        key = add_customer(connection, "ada")
        for day in bought:
            add_purchase(connection, key, day, **of)
        for name, at, *data in events:
            add_event(connection, key, name, at, *data)
        facts.refresh(connection)
        return connection.execute(select(kept)).one()


@pytest.mark.parametrize(
    ("days", "stage"),
    [(EVERY_MONTH, "client"), (TWO_SPELLS, "client"), (ALL_AT_ONCE, "buyer"), (EVERY_MONTH[:2], "buyer")],
)
def test_a_client_buys_regularly(engine: Engine, days: tuple[str, ...], stage: str) -> None:
    assert _facts(engine, bought=days).stage == stage


def test_a_discount_that_we_gave_is_no_sign_of_price(engine: Engine) -> None:
    redeemed = tuple(("coupon.redeemed", f"{day}T09:00", {"campaign": "win-back"}) for day in EVERY_MONTH)
    found = _facts(engine, bought=EVERY_MONTH, events=redeemed, discount=Decimal(5))
    assert (found.price_score, found.motivation) == (0, "stability")


def test_a_discount_that_they_asked_for_is(engine: Engine) -> None:
    found = _facts(engine, bought=EVERY_MONTH[:2], discount=Decimal(5))
    assert (found.price_score, found.motivation) == (pytest.approx(0.7), "price")


@pytest.mark.parametrize(
    ("days", "score"),
    [(("2026-01-10", "2026-02-10", "2026-03-10"), 1), (("2021-01-10", "2023-02-10", "2026-03-10"), 1 / 3)],
)
def test_three_signals_are_many_within_a_year_only(engine: Engine, days: tuple[str, ...], score: float) -> None:
    found = _facts(engine, events=tuple(("advice.given", day) for day in days))
    assert found.belonging_score == pytest.approx(score)


@pytest.mark.parametrize(
    ("answers", "sci", "shown"),
    [
        ((9, 9, 9), 0.9, "0.9"),
        ((9, 9, 8.9), 26.9 / 30, "0.89"),
        ((8, 8, 8), 0.8, "0.8"),
        ((7.9, 8, 8), 23.9 / 30, "0.79"),
    ],
)
def test_the_index_is_exact_and_never_shown_in_the_band_above(
    engine: Engine, answers: tuple[float, ...], sci: float, shown: str
) -> None:
    data = dict(zip(("satisfaction", "return", "recommend"), answers, strict=True))
    found = _facts(engine, events=(("survey.answered", "2026-03-10", data),))
    assert found.sci == pytest.approx(sci, abs=1e-15)
    assert _value(found.sci, "UTC") == shown
