"""Every field of the registry has one value, in SQL and in Python, and is among what the random tests draw."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import find
from sqlalchemy import Engine, select

from regulars.audience import nodes
from regulars.audience.computed_fields import COMPUTED
from regulars.audience.evaluate import Evaluation
from regulars.audience.person import load_people
from regulars.audience.sql import Statement
from regulars.db.engine import dry_run
from regulars.rules.fields import CLIENT_FIELDS, RECORDED, Origin, fields_of
from tests.audience.conditions import Grammar
from tests.audience.populations import (
    CATALOGUE,
    NOWS,
    Client,
    Happening,
    add,
    clients,
    furnish,
    recorded,
    settle,
)
from tests.audience.test_agreement import COMPANY_ZONE, scope_at

NOW = NOWS[1]


def _known(name: str) -> Any:
    """Some value of the field that is not none."""
    return find(recorded(name, NOW), lambda value: value not in (None, ""))


def _people() -> list[Client]:
    """A client of whom nothing is known, and one of whom everything is."""
    full = {name: _known(name) for name in RECORDED if name != "external_id"}
    ages = [NOW - timedelta(days=days) for days in (1, 2, 7, 30)]
    happened = [Happening(at, "purchase", 205_000, ("haircut",), {}, 1) for at in ages]
    # One event each of those that facts are made of, and of two surveys: see `add`.
    happened += [
        Happening(ages[-1], "visit.done", None, ("wax",) * (number // 6), {"score": 7}, number) for number in range(7)
    ]
    return [Client({"created_at": ages[0]}, []), Client({**full, "attrs": {}}, happened)]


@pytest.mark.slow
def test_every_field_has_the_same_value_in_sql_and_in_python(engine: Engine) -> None:
    asked = {name: nodes.CustomerField(0, 0, field.type, name, custom=False) for name, field in CLIENT_FIELDS.items()}
    seen: set[str] = set()
    with dry_run(engine) as connection:
        furnish(connection)
        keys = [add(connection, client) for client in _people()]
        settle(connection)
        scope = scope_at(connection, NOW)
        columns = [Statement(scope).value(node).label(f"asked_{name}") for name, node in asked.items()]
        joined = scope.customers.join(scope.facts, scope.facts.c.customer_id == scope.customers.c.id)
        people = load_people(connection, keys, NOW, COMPANY_ZONE)
        for key, *values in connection.execute(select(scope.customers.c.id, *columns).select_from(joined)):
            at = Evaluation(people[key], NOW)
            assert {name: at.value(node) for name, node in asked.items()} == dict(zip(asked, values, strict=True))
            seen |= {name for name, value in zip(asked, values, strict=True) if value is not None}
    assert seen == set(CLIENT_FIELDS), "no client here has these: let the populations draw them"


def test_random_conditions_ask_about_every_field() -> None:
    grammar = Grammar(None)
    assert grammar.yes_no is not None
    assert grammar.asked == set(CATALOGUE.fields)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECORDED if name != "external_id"])
def test_random_clients_have_every_field_that_is_recorded(name: str) -> None:
    found = find(clients(NOW), lambda client: client.fields[name] is not None)
    assert found.fields[name] is not None


def test_every_computed_field_has_its_computation() -> None:
    assert tuple(COMPUTED) == fields_of(Origin.COMPUTED)
