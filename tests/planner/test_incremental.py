"""A plan that asks only whom it has to gives the ledger of one that asks everybody; `python -m benchmarks.incremental`
has thousands of such worlds."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from regulars.audience import nodes
from regulars.audience.turns import turns
from regulars.context.statement_cache import StatementCache
from regulars.db import tables, touched
from regulars.db.engine import write
from regulars.planner.nightly_audit import audit, audit_due, last_missed
from regulars.planner.plan import Plan, plan
from regulars.profile import facts
from regulars.rules.fields import FieldType
from tests.common.bench import at
from tests.common.effort import share
from tests.common.incremental import World, needed
from tests.common.people import add_customer, add_event, add_link, add_product, add_purchase
from tests.common.rules import Rules, rules

NOON = at("2026-06-10T12:00")
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """The worlds have clients with unknown time zones, of which the log would tell thousands of times."""
    logger = logging.getLogger("regulars.planner.plan")
    before, logger.level = logger.level, logging.ERROR
    yield
    logger.level = before


@pytest.mark.slow
@settings(max_examples=share(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_a_full_plan_finds_nothing_more(engine: Engine, seed: int) -> None:
    assert World(engine, seed).live(8) == []


def planned(engine: Engine, given: Rules, now: datetime, cache: StatementCache | None = None) -> Plan:
    with write(engine) as connection:
        return plan(connection, given, now, incremental=True, cache=cache)


@pytest.fixture
def shop(engine: Engine) -> tuple[Engine, Rules]:
    """Three clients, of whom one bought; a first plan has asked everybody."""
    given = rules(
        {
            "thanks": {"on": "purchase", "email": "thanks"},
            "away": {"when": "days_since(customer.last_purchase_at) > 2", "email": "away"},
        }
    )
    with write(engine) as connection:
        keys = [add_customer(connection, name) for name in ("ada", "bob", "cid")]
        add_purchase(connection, keys[0], NOON - timedelta(days=1))
        facts.refresh(connection)
    assert planned(engine, given, NOON).asked is None
    return engine, given


def test_when_nothing_happened_nobody_is_asked(shop: tuple[Engine, Rules]) -> None:
    assert planned(*shop, NOON + MINUTE).asked == 0


def test_who_was_touched_is_asked_once(shop: tuple[Engine, Rules]) -> None:
    engine, given = shop
    with write(engine) as connection:
        bob = connection.scalar(select(tables.customers.c.id).where(tables.customers.c.external_id == "bob"))
        assert bob is not None
        add_purchase(connection, bob, NOON + MINUTE / 2)
        facts.refresh(connection, [bob])
    made = planned(engine, given, NOON + MINUTE)
    assert (made.asked, made.promised) == (1, 1)
    assert planned(engine, given, NOON + 2 * MINUTE).asked == 0


def test_who_turns_by_time_is_asked_in_the_minute(shop: tuple[Engine, Rules]) -> None:
    engine, given = shop
    turned = NOON + timedelta(days=2)
    assert planned(engine, given, NOON + timedelta(days=1)).asked == 0
    assert planned(engine, given, turned - MINUTE).asked == 0
    made = planned(engine, given, turned)
    assert (made.asked, made.promised) == (1, 1)


DAY = timedelta(days=1)
TURNS: dict[str, timedelta] = {
    "days_since(customer.last_purchase_at) > 2": 2 * DAY,
    "days_since(last('visit.done')) >= 2": DAY,
    "not did('visit.done', within='36 hours')": DAY / 2,
    "spent(within='4 days') < 50": DAY,
    "customer.overdue >= 2": 3 * DAY,
    "customer.others_returned >= 0.5": 4 * DAY,
    "days_since(customer.created_at) > 3": DAY,
    "days_since(customer.next_product_at) >= 0": 6 * DAY,
    "days_until(next('visit')) <= 1": DAY,
    "now > '2026-06-12T12:00:00Z'": 2 * DAY,
    "customer.last_purchase_at < now and days_since(customer.renewal) > 0": DAY / 2,
}
"""Conditions, and how long after noon they become true for Ada."""


@pytest.mark.parametrize("condition", TURNS)
def test_each_kind_of_turn_is_found_in_its_minute(engine: Engine, condition: str) -> None:
    given = rules({"one": {"when": condition, "email": "one"}}, fields={"renewal": FieldType.DATE})
    with write(engine) as connection:
        add_product(connection, "soap")
        add_product(connection, "brush")
        add_link(connection, "soap", "next", "brush", after_days=7)
        ada = add_customer(connection, "ada", created_at=NOON - 3 * DAY, attrs={"renewal": "2026-06-10"})
        for days in (3, 1):
            add_purchase(connection, ada, NOON - days * DAY, "soap", amount=40)
        add_event(connection, ada, "visit.done", NOON - DAY)
        booking = {"visit": "v", "starts_at": f"{NOON + 2 * DAY:%Y-%m-%dT%H:%M:00Z}"}
        add_event(connection, ada, "visit.booked", NOON, booking)
        model(connection)
        facts.refresh(connection)
    turned = NOON + TURNS[condition]
    assert planned(engine, given, NOON).asked is None
    for moment in (turned - DAY / 2, turned - 2 * MINUTE):
        if moment > NOON:
            assert not moved(planned(engine, given, moment))
    assert moved(planned(engine, given, turned + MINUTE)) == 1
    with write(engine) as connection:
        assert audit(connection, given, turned + MINUTE) is None


def moved(made: Plan) -> int:
    """How many entered a state; those of the baseline are not told apart."""
    return sum(movement.entered for movement in made.movements.values())


def model(connection: Connection) -> None:
    """Half of those who come again do so within five days."""
    given = {"id": 1, "r": 0.5, "alpha": 4.0, "a": 0.8, "b": 2.5}
    connection.execute(insert(tables.buying_model).values(needed(tables.buying_model, NOON) | given))
    rows = [{"visit": visit, "days": days, "share": days / 10} for visit in (1, 2) for days in (0, 5, 9)]
    connection.execute(insert(tables.return_times), rows)


@pytest.mark.parametrize(
    "later", [NOON - MINUTE, NOON, NOON + timedelta(days=1, minutes=1)], ids=["back", "again", "a day and more"]
)
def test_a_clock_put_back_and_a_long_pause_ask_everybody(shop: tuple[Engine, Rules], later: datetime) -> None:
    assert planned(*shop, later).asked is None


def test_other_rules_ask_everybody(shop: tuple[Engine, Rules]) -> None:
    engine, _ = shop
    given = rules({"thanks": {"on": "purchase", "email": "thanks"}}, policy={"late": "9 days"})
    assert planned(engine, given, NOON + MINUTE).asked is None
    assert planned(engine, given, NOON + 2 * MINUTE).asked == 0


def test_a_bulk_import_asks_everybody(shop: tuple[Engine, Rules], monkeypatch: pytest.MonkeyPatch) -> None:
    engine, given = shop
    monkeypatch.setattr("regulars.planner.affected._MOST", 1)
    with write(engine) as connection:
        connection.execute(update(tables.customers).values(company="Acme"))
    assert planned(engine, given, NOON + MINUTE).asked is None
    with write(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(tables.touched_clients)) == 0


def test_a_rehearsal_leaves_the_queue(shop: tuple[Engine, Rules]) -> None:
    engine, given = shop
    with write(engine) as connection:
        connection.execute(update(tables.customers).where(tables.customers.c.external_id == "bob").values(company="x"))
    with engine.connect() as connection:
        plan(connection, given, NOON + MINUTE)
        assert connection.scalar(select(func.count()).select_from(tables.touched_clients)) == 1
        connection.rollback()
    assert planned(engine, given, NOON + MINUTE).asked == 1


def test_an_edit_of_a_product_asks_everybody(shop: tuple[Engine, Rules]) -> None:
    engine, given = shop
    with write(engine) as connection:
        add_product(connection, "soap")
    assert planned(engine, given, NOON + MINUTE).asked is None


# ---------------------------------------------------------------- the audit


def test_an_audit_finds_whom_plans_have_missed_and_says_so(shop: tuple[Engine, Rules]) -> None:
    engine, given = shop
    assert planned(engine, given, NOON + MINUTE).asked == 0
    with write(engine) as connection:
        bob = connection.scalar(select(tables.customers.c.id).where(tables.customers.c.external_id == "bob"))
        assert bob is not None
        add_purchase(connection, bob, NOON + MINUTE / 2)
        facts.refresh(connection, [bob])
        connection.execute(delete(tables.touched_clients))  # as if a trigger were missing
    later = NOON + 2 * MINUTE
    assert planned(engine, given, later).promised == 0
    with write(engine) as connection:
        missed = audit(connection, given, later)
    assert missed is not None
    assert (missed.clients, missed.campaigns) == (1, "thanks")
    with write(engine) as connection:
        assert last_missed(connection) == missed
        assert audit(connection, given, later + MINUTE) is None
        assert last_missed(connection) is None
    planned_now = select(tables.promises.c.state).where(tables.promises.c.customer_id == bob)
    with write(engine) as connection:
        assert connection.scalars(planned_now).all() == ["planned"]


def test_an_audit_is_due_once_a_night(shop: tuple[Engine, Rules]) -> None:
    engine, given = shop
    night = at("2026-06-11T03:00")
    with write(engine) as connection:
        assert not audit_due(connection, night - MINUTE, "UTC")
        assert audit_due(connection, night, "UTC")
        assert audit(connection, given, night) is None
        assert not audit_due(connection, night + timedelta(hours=20), "UTC")
        assert audit_due(connection, night + timedelta(days=1), "UTC")


# ---------------------------------------------------------------- nothing is written unseen


def test_every_table_that_conditions_read_is_watched(engine: Engine) -> None:
    """By a change of every column, one after the other."""
    with write(engine) as connection:
        key = add_customer(connection, "ada")
        purchase = add_purchase(connection, key, NOON)
        soap = add_product(connection, "soap")
        connection.execute(
            insert(tables.purchase_lines).values(purchase_id=purchase, line=1, product_id=soap, quantity=1)
        )
        add_event(connection, key, "visit.done", NOON)
        facts.refresh(connection)
    for name in ("customers", "purchases", "events", "facts"):
        table = tables.metadata.tables[name]
        for changed in (one for one in table.c if not one.primary_key and not one.foreign_keys):
            with write(engine) as connection:
                connection.execute(delete(tables.touched_clients))
                connection.execute(text(f"UPDATE {name} SET {changed.name} = {changed.name}"))
                found = set(connection.scalars(select(tables.touched_clients.c.customer_id)))
            assert found == {key}, f"{name}.{changed.name}"
    with write(engine) as connection:
        connection.execute(delete(tables.touched_clients))
        connection.execute(update(tables.purchase_lines).values(quantity=2))
        assert set(connection.scalars(select(tables.touched_clients.c.customer_id))) == {key}


def test_rows_that_move_to_another_client_touch_both(engine: Engine) -> None:
    with write(engine) as connection:
        ada, bob = add_customer(connection, "ada"), add_customer(connection, "bob")
        add_event(connection, ada, "visit.done", NOON)
        connection.execute(delete(tables.touched_clients))
        connection.execute(update(tables.events).values(customer_id=bob))
        assert set(connection.scalars(select(tables.touched_clients.c.customer_id))) == {ada, bob}
        connection.execute(delete(tables.touched_clients))
        connection.execute(delete(tables.events))
        assert set(connection.scalars(select(tables.touched_clients.c.customer_id))) == {bob}


def test_triggers_can_be_made_anew(engine: Engine) -> None:
    with write(engine) as connection:
        touched.install(connection)
        assert touched.installed(connection)
        on = " ON events" if engine.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER regulars_touch_events_insert{on}"))
        assert not touched.installed(connection)
        touched.install(connection)
        assert touched.installed(connection)


# ---------------------------------------------------------------- turns


@pytest.mark.parametrize(
    ("condition", "flows", "midnight"),
    [
        ("customer.p_alive < 0.5", ["customer.p_alive"], False),
        ("days_since(customer.last_purchase_at) > customer.rhythm", ["days_since(customer.last_purchase_at)"], False),
        ("days_since(customer.birthday) > 3", [], True),
        ("customer.birthday < today", [], True),
        ("customer.overdue >= 2 and did('visit.done', within='3 days')", [], False),
        ("(days_since(last('visit.done')) if customer.purchases > 1 else 3) > 2", [], False),
    ],
)
def test_what_has_no_bound_is_named(condition: str, flows: list[str], midnight: bool) -> None:
    given = rules({"one": {"when": condition, "email": "one"}})
    found = turns(given.conditions["campaigns", "one", "when"].node)
    assert [condition[node.start : node.end] for node in found.flows] == flows
    assert found.midnight is midnight
    assert all(isinstance(node, nodes.Node) for node in found.flows)
