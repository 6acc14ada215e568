"""The tariff of points comes into force with the rules, and crossing a level sets a campaign off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from regulars.db import tables
from regulars.db.engine import read, write
from regulars.profile import facts, points
from regulars.rules.tariff import Points
from regulars.simulation.plan_ahead import plan_now
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import Rules, rules

TARIFF = {"per_currency_unit": 1, "per_visit": 10, "levels": {"silver": 100, "gold": 500}}
REWARD = {"when": "customer.level == 'silver'", "email": "reward"}


def _rules(tariff: Mapping[str, Any] = TARIFF) -> Rules:
    return rules({"reward": REWARD}, points=tariff)


def _facts(bench: Bench) -> tuple[Any, ...]:
    columns = (tables.facts.c[name] for name in ("points", "points_earned", "level", "points_to_next_level"))
    with read(bench.engine) as connection:
        return tuple(connection.execute(select(*columns)).one())


def test_crossing_a_level_sets_a_campaign_off_once_and_using_points_does_not_lose_it(bench: Bench) -> None:
    bench.rules = _rules()
    with write(bench.engine) as connection:
        key = add_customer(connection, "ada")
        add_purchase(connection, key, "2026-06-01", amount=80)
    assert bench.send("2026-06-02T12:00") == []
    with write(bench.engine) as connection:
        add_purchase(connection, key, "2026-06-03", amount=15)
    assert bench.send("2026-06-04T12:00") == [("ada", "reward", "reward")]
    with write(bench.engine) as connection:
        add_event(connection, key, "points.used", "2026-06-05", {"points": 100})
    assert bench.send("2026-06-06T12:00") == []
    assert _facts(bench) == (5, 105, "silver", 395)


def test_a_changed_tariff_holds_for_the_past_and_the_plan_says_whom_it_concerns(bench: Bench) -> None:
    bench.rules = _rules()
    with write(bench.engine) as connection:
        key = add_customer(connection, "ada")
        add_purchase(connection, key, "2026-06-01", amount=60)
    assert bench.plan("2026-06-02T12:00").recounted
    assert not bench.plan("2026-06-02T12:05").recounted
    dearer = Points.model_validate({**TARIFF, "per_currency_unit": 2})
    bench.rules = replace(bench.rules, rulebook=replace(bench.rules.rulebook, points=dearer))
    ahead = plan_now(bench.engine, bench.rules, at("2026-06-02T12:10"))
    assert ahead.recounted
    assert ahead.difference is not None
    assert list(ahead.difference.campaigns["reward"].gaining) == ["ada"]
    assert _facts(bench) == (60, 60, None, 40), "a look ahead changes nothing"
    assert bench.send("2026-06-02T12:10") == [("ada", "reward", "reward")]
    assert _facts(bench) == (120, 120, "silver", 380)


def test_without_a_tariff_only_an_event_brings_points(bench: Bench) -> None:
    bench.rules = rules({"reward": REWARD})
    with write(bench.engine) as connection:
        key = add_customer(connection, "ada")
        add_purchase(connection, key, "2026-06-01", amount=60)
        add_event(connection, key, "points.granted", "2026-06-02", {"points": 7})
    bench.plan("2026-06-03T12:00")
    assert _facts(bench) == (7, 7, None, None)
    with read(bench.engine) as connection:
        assert [entry[1:] for entry in points.ledger(connection, key, at("2026-06-03T12:00")) if entry[1]] == [
            (7, "points.granted")
        ]


def test_a_recount_changes_what_a_refresh_would_and_nothing_else(bench: Bench) -> None:
    with write(bench.engine) as connection:
        keys = [add_customer(connection, name) for name in ("ada", "bob", "cid", "dot")]
        add_purchase(connection, keys[0], "2026-06-01", amount=80)
        add_purchase(connection, keys[0], "2026-06-03", amount="0.70")
        add_purchase(connection, keys[1], "2026-06-01")
        add_event(connection, keys[2], "points.granted", "2026-06-02", {"points": 600})
        add_event(connection, keys[2], "points.used", "2026-06-03", {"points": 50})
        facts.refresh(connection)
        assert points.put_in_force(connection, Points.model_validate(TARIFF))
        assert facts.recount_points(connection) == 4  # even who has none has a level to come
        assert facts.refresh(connection) == 0
        assert facts.recount_points(connection) == 0
        assert points.put_in_force(connection, Points())
        assert facts.recount_points(connection) == 4
        assert facts.refresh(connection) == 0
