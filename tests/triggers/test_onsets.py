"""What sets campaigns off beside events, states and dates: new products, new values, and who belongs to which wave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Double, Engine, literal, select, update

from regulars.audience.expression import Expression, parse
from regulars.audience.person import Person
from regulars.audience.problems import ExpressionErrors
from regulars.audience.rule_catalogue import catalogue_of
from regulars.audience.sql import Scope, instant
from regulars.consent.rights import erase
from regulars.db.engine import read, write
from regulars.db.sql_functions import label, regulars_label
from regulars.db.tables import customers, products, values_seen
from regulars.planner.plan import plan
from regulars.profile import facts
from regulars.rules.model import FieldType
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_product, add_purchase, moment
from tests.common.rules import rules

NEWS = {"news": {"new": "product", "email": "news"}}


def _clients(bench: Bench, *names: str, **fields: Any) -> None:
    with write(bench.engine) as connection:
        for name in names:
            add_customer(connection, name, **fields)


def _launch(bench: Bench, sku: str, when: str, **fields: Any) -> None:
    with write(bench.engine) as connection:
        add_product(connection, sku, launched_at=moment(when), **fields)


def test_everybody_hears_of_each_product_once_and_of_none_from_before_the_rule(bench: Bench) -> None:
    _clients(bench, "ada", "bo")
    _launch(bench, "old", "2026-06-01T09:00")
    _launch(bench, "saw", "2026-06-10T09:00")
    bench.rules = rules(NEWS)
    bench.plan("2026-06-02T12:00")
    assert bench.send("2026-06-10T08:59") == []
    assert bench.send("2026-06-10T09:00") == [("ada", "news", "news"), ("bo", "news", "news")]
    _launch(bench, "mower", "2026-06-11T09:00")
    assert len(bench.send("2026-06-11T10:00")) == 2
    assert bench.send("2026-06-12T10:00") == []
    assert {row["occurrence"] for row in bench.ledger()} == {"saw", "mower"}


def test_a_product_imported_a_day_after_its_launch_is_still_news(bench: Bench) -> None:
    _clients(bench, "ada")
    bench.rules = rules(NEWS)
    bench.plan("2026-06-09T12:00")
    bench.plan("2026-06-11T08:00")
    _launch(bench, "saw", "2026-06-10T09:00")
    assert bench.send("2026-06-11T09:00") == [("ada", "news", "news")]


def test_the_audience_may_ask_about_the_product(bench: Bench) -> None:
    _clients(bench, "ada", country="MD")
    _clients(bench, "bo", country="EE")
    bench.rules = rules(
        {"news": {**NEWS["news"], "audience": "product.category == 'saws' and customer.country == 'EE'"}}
    )
    bench.plan("2026-06-09T12:00")
    _launch(bench, "saw", "2026-06-10T09:00", category="saws")
    _launch(bench, "glove", "2026-06-10T09:00", category="gloves")
    assert bench.send("2026-06-10T10:00") == [("bo", "news", "news")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("product.price > 199.5", True),
        ("product.price * 2 <= 399.98", True),
        ("product.currency is none", True),
        ("product.category != 'saws'", False),
        ("days_since(product.launched_at) == 2", True),
        ("product.launched_at < now", True),
        ("product.consumable", False),
        ("contains(product.name, 'Saw') and product.sku == 'saw'", True),
    ],
)
def test_conditions_on_a_product_mean_the_same_in_sql_and_in_python(engine: Engine, text: str, expected: bool) -> None:
    now = at("2026-06-12T12:00")
    expression: Expression = parse(text, catalogue_of(rules({}).rulebook), product=True)
    with write(engine) as connection:
        add_customer(connection, "ada")
        add_product(
            connection, "saw", name="Saw 3", category="saws", price=Decimal("199.99"), launched_at=moment("2026-06-10")
        )
        facts.refresh(connection)
        known = facts.source(connection, now)
        scope = Scope(now=instant(now), customers=customers, facts=known, zone="UTC", product=products)
        row = dict(connection.execute(products.select()).mappings().one())
        answer = connection.scalar(products.select().with_only_columns(expression.sql(scope)))
    assert bool(answer) is expected
    assert expression.evaluate(Person({}, product=row), now) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [("product.colour == 'red'", "products have no field"), ("product == 'saw'", "alone is not a value")],
)
def test_what_products_do_not_have(text: str, said: str) -> None:
    with pytest.raises(ExpressionErrors, match=said):
        parse(text, catalogue_of(rules({}).rulebook), product=True)
    with pytest.raises(ExpressionErrors, match="known only where a new product"):
        parse("product.price > 1", catalogue_of(rules({}).rulebook))


# ---------------------------------------------------------------- waves

WAVES = {
    "news": {
        "new": "product",
        "waves": [
            {"to": "customer.country == 'EE'", "email": "first"},
            {"to": "customer.country == 'MD' and product.price > 100", "wait": "1 day", "email": "personal"},
            {"wait": "3 days", "email": "rest"},
        ],
    }
}


def test_each_client_gets_the_email_of_one_wave(bench: Bench) -> None:
    _clients(bench, "eve", country="EE")
    _clients(bench, "mia", country="MD")
    _clients(bench, "zoe")
    bench.rules = rules(WAVES)
    bench.plan("2026-06-09T12:00")
    _launch(bench, "saw", "2026-06-10T09:00", price=Decimal(120))
    assert bench.send("2026-06-10T09:30") == [("eve", "news", "first")]
    assert [(r["customer"], r["reason"]) for r in bench.ledger("held")] == [("mia", "wave"), ("zoe", "wave")]
    assert bench.send("2026-06-11T08:59") == []
    assert bench.send("2026-06-11T09:00") == [("mia", "news", "personal")]
    assert bench.send("2026-06-13T09:00") == [("zoe", "news", "rest")]
    assert bench.send("2026-06-20T09:00") == []


def test_who_moves_after_the_trigger_stays_in_the_wave_and_gets_one_email(bench: Bench) -> None:
    _clients(bench, "ada")
    bench.rules = rules(WAVES)
    bench.plan("2026-06-09T12:00")
    _launch(bench, "saw", "2026-06-10T09:00")
    bench.plan("2026-06-10T09:00")
    with write(bench.engine) as connection:
        connection.execute(update(customers).values(country="EE"))
    assert bench.send("2026-06-11T09:00") == []
    assert bench.send("2026-06-13T09:00") == [("ada", "news", "rest")]
    assert len(bench.ledger()) == 1


def test_whoever_fits_no_wave_gets_nothing(bench: Bench) -> None:
    _clients(bench, "ada", country="LV")
    bench.rules = rules({"news": {**WAVES["news"], "waves": WAVES["news"]["waves"][:2]}})
    bench.plan("2026-06-09T12:00")
    _launch(bench, "saw", "2026-06-10T09:00")
    bench.plan("2026-06-12T09:00")
    assert bench.ledger() == []


@pytest.mark.parametrize("trigger", [{"at": "2026-06-12 10:00"}, {"schedule": "monthly on 12 at 10:00"}])
def test_waves_of_a_broadcast_may_wait_in_working_hours(bench: Bench, trigger: dict[str, str]) -> None:
    _clients(bench, "eve", country="EE")
    _clients(bench, "zoe")
    waves = [{"to": "customer.country == 'EE'", "email": "first"}, {"wait": "10 working hours", "email": "rest"}]
    bench.rules = rules({"news": {**trigger, "waves": waves}})
    bench.plan("2026-06-09T12:00")
    assert bench.send("2026-06-12T10:00") == [("eve", "news", "first")]  # a Friday
    assert bench.send("2026-06-15T10:59") == []
    assert bench.send("2026-06-15T11:00") == [("zoe", "news", "rest")]


def test_waves_set_off_by_an_event(bench: Bench) -> None:
    with write(bench.engine) as connection:
        for name, amount in (("big", 900), ("small", 9)):
            add_purchase(connection, add_customer(connection, name), "2026-06-10", amount=amount)
    waves = [{"to": "event.amount > 100", "email": "call"}, {"email": "thanks"}]
    bench.rules = rules({"thanks": {"on": "purchase", "waves": waves}})
    bench.plan("2026-06-09T12:00")
    assert bench.send("2026-06-10T01:00") == [("big", "thanks", "call"), ("small", "thanks", "thanks")]


# ---------------------------------------------------------------- values

TIER = {"tier": {"each": "customer.tier", "email": "reward"}}
FIELDS = {"tier": FieldType.NUMBER, "club": FieldType.TEXT}


def _set(bench: Bench, name: str, **values: object) -> None:
    with write(bench.engine) as connection:
        connection.execute(update(customers).where(customers.c.external_id == name).values(attrs=values))


def test_each_new_value_sets_off_once_ever(bench: Bench) -> None:
    _clients(bench, "ada", "bo")
    _set(bench, "ada", tier=1)
    bench.rules = rules(TIER, fields=FIELDS)
    assert bench.send("2026-06-09T12:00") == []  # what they have when the rule comes is known
    _set(bench, "ada", tier=2)
    _set(bench, "bo", tier=0)
    assert bench.send("2026-06-10T12:00") == [("ada", "tier", "reward")]
    _set(bench, "ada", tier=1)
    assert bench.send("2026-06-11T12:00") == []
    _set(bench, "ada", tier=2)
    assert bench.send("2026-06-12T12:00") == []
    _set(bench, "ada", tier=2.5)
    _set(bench, "bo", tier=1)
    assert bench.send("2026-06-13T12:00") == [("ada", "tier", "reward"), ("bo", "tier", "reward")]
    assert [(r["customer"], r["occurrence"]) for r in bench.ledger()] == [("ada", "2"), ("ada", "2.5"), ("bo", "1")]


def test_a_value_that_is_gone_before_it_is_sent_is_not_spoken_of(bench: Bench) -> None:
    _clients(bench, "ada")
    bench.rules = rules(
        {"club": {"each": "customer.club", "email": "x"}}, fields=FIELDS, policy={"quiet_hours": "20:00-09:00"}
    )
    bench.plan("2026-06-09T12:00")
    _set(bench, "ada", club="gold")
    assert bench.send("2026-06-09T22:00") == []
    _set(bench, "ada", club="silver")
    assert bench.send("2026-06-10T09:00") == [("ada", "club", "x")]
    assert [(r["occurrence"], r["state"]) for r in bench.ledger()] == [("gold", "skipped"), ("silver", "sent")]


def test_a_value_reached_outside_the_audience_waits_for_it(bench: Bench) -> None:
    _clients(bench, "ada")
    bench.rules = rules({"tier": {**TIER["tier"], "audience": "customer.country == 'EE'"}}, fields=FIELDS)
    bench.plan("2026-06-09T12:00")
    _set(bench, "ada", tier=1)
    assert bench.send("2026-06-10T12:00") == []
    with write(bench.engine) as connection:
        connection.execute(update(customers).values(country="EE"))
    assert bench.send("2026-06-20T12:00") == [("ada", "tier", "reward")]


def test_with_backfill_those_who_have_a_value_are_included(bench: Bench) -> None:
    _clients(bench, "ada")
    _set(bench, "ada", tier=3)
    bench.rules = rules(TIER, fields=FIELDS)
    bench.plan("2026-06-09T12:00")
    bench.rules = rules({"tier": {"each": "customer.tier + 0", "email": "reward", "backfill": "all"}}, fields=FIELDS)
    assert bench.send("2026-06-10T12:00") == [("ada", "tier", "reward")]


def test_an_erased_clients_values_are_forgotten(bench: Bench) -> None:
    _clients(bench, "ada")
    bench.rules = rules({"club": {"each": "customer.club", "email": "x"}}, fields=FIELDS)
    bench.plan("2026-06-09T12:00")
    _set(bench, "ada", club="widows")
    bench.send("2026-06-10T12:00")
    with write(bench.engine) as connection:
        key = connection.scalar(select(customers.c.id))
        assert key is not None
        erase(connection, key, at("2026-06-11T12:00"))
        assert connection.execute(select(values_seen)).all() == []
    assert bench.send("2026-06-12T12:00") == []
    assert [row["occurrence"].startswith("erased-") for row in bench.ledger()] == [True]


def test_two_planners_at_once_note_a_value_once(bench: Bench) -> None:
    _clients(bench, *(f"c{number}" for number in range(20)))
    book = rules(TIER, fields=FIELDS)
    bench.rules = book
    bench.plan("2026-06-09T12:00")
    with write(bench.engine) as connection:
        connection.execute(update(customers).values(attrs={"tier": 1}))

    def once(_: int) -> None:
        with write(bench.engine) as connection:
            plan(connection, book, at("2026-06-10T12:00"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(once, range(2)))
    assert len(bench.ledger()) == 20


@pytest.mark.parametrize("number", [0.0, 1.0, 2.5, 1e15, 0.1 + 0.2, -3.0, 1 / 3, 1e-9, 2.0000005])
def test_a_number_has_one_name_everywhere(engine: Engine, number: float) -> None:
    with read(engine) as connection:
        assert connection.scalar(select(regulars_label(literal(number, Double)))) == label(number)
