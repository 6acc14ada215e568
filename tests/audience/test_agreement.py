"""A condition selects by SQL exactly those whom it selects in Python, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from regulars.audience.expression import Expression, parse
from regulars.audience.local_days import today_by_zone
from regulars.audience.person import load_people
from regulars.audience.problems import ExpressionErrors
from regulars.audience.sql import Scope, instant
from regulars.db.engine import dry_run
from regulars.db.event_source import event_source
from regulars.db.tables import customers
from regulars.profile import facts
from regulars.profile.time_zones import in_use
from tests.audience.conditions import conditions
from tests.audience.populations import CATALOGUE, NOWS, Client, add, clients, furnish, settle
from tests.common.effort import share

COMPANY_ZONE = "Europe/Tallinn"
BATCH = 20
"""Conditions asked of one population: people are dear, questions are cheap."""

hard = settings(
    max_examples=share(2),
    # Shrinking a whole population takes minutes and the message names the one condition that failed.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
worlds = st.sampled_from(NOWS).flatmap(
    lambda now: st.tuples(st.just(now), st.lists(clients(now), min_size=1, max_size=6))
)


def understood(text: str, event: str | None = None) -> Expression | None:
    """The condition; None where random arithmetic went out of range or too deep, which is refused on purpose."""
    try:
        return parse(text, CATALOGUE, event, place="state")
    except ExpressionErrors as errors:
        others = [p for p in errors.problems if "multiplication" not in p.message and "deep" not in p.message]
    assert others == [], text
    return None


def by_sql(connection: Connection, expressions: Sequence[Expression], scope: Scope) -> dict[int, list[bool | None]]:
    """Each client's three-valued answers."""
    asked = scope.customers.join(scope.facts, scope.facts.c.customer_id == scope.customers.c.id)
    answers = [expression.sql(scope).label(f"answer_{n}") for n, expression in enumerate(expressions)]
    rows = connection.execute(select(scope.customers.c.id, *answers).select_from(asked))
    return {key: [None if value is None else bool(value) for value in found] for key, *found in rows}


def scope_at(connection: Connection, now: datetime) -> Scope:
    return Scope(
        now=instant(now), customers=customers, facts=facts.source(connection, now), zone=COMPANY_ZONE,
        today=today_by_zone(in_use(connection), now, COMPANY_ZONE), zones=tuple(in_use(connection)),
    )  # fmt: skip


@pytest.mark.slow
@hard
@given(world=worlds, texts=st.lists(conditions(state=True), min_size=BATCH, max_size=BATCH))
def test_sql_and_python_agree(engine: Engine, world: tuple[datetime, list[Client]], texts: list[str]) -> None:
    now, population = world
    with dry_run(engine) as connection:
        furnish(connection)
        keys = [add(connection, client) for client in population]
        settle(connection)
        scope = scope_at(connection, now)
        known = load_people(connection, keys, now, COMPANY_ZONE)
        expressions = [found for text in texts if (found := understood(text)) is not None]
        in_sql = by_sql(connection, expressions, scope)
        for key, person in known.items():
            for expression, answer in zip(expressions, in_sql[key], strict=True):
                assert expression.explain(person, now).value is answer, expression.text
        chosen = select(customers.c.id).join(scope.facts, scope.facts.c.customer_id == customers.c.id)
        for expression in expressions[:3]:
            selected = set(connection.scalars(chosen.where(expression.sql(scope))))
            assert selected == {key for key in keys if expression.evaluate(known[key], now)}, expression.text


@pytest.mark.slow
@hard
@given(
    world=worlds,
    asked=st.sampled_from(["visit.done", "purchase"]).flatmap(
        lambda event: st.tuples(st.just(event), st.lists(conditions(event), min_size=BATCH, max_size=BATCH))
    ),
)
def test_they_agree_on_the_event_that_set_it_off(
    engine: Engine, world: tuple[datetime, list[Client]], asked: tuple[str, list[str]]
) -> None:
    (now, population), (event, texts) = world, asked
    with dry_run(engine) as connection:
        furnish(connection)
        keys = [add(connection, client) for client in population]
        settle(connection)
        happened = event_source(event)
        scope = replace(scope_at(connection, now), event_data=happened.c.data, event_at=happened.c.occurred_at)
        known = load_people(connection, keys, now, COMPANY_ZONE)
        expressions = [found for text in texts if (found := understood(text, event)) is not None]
        answers = [expression.sql(scope).label(f"answer_{n}") for n, expression in enumerate(expressions)]
        joined = happened.join(customers, customers.c.id == happened.c.customer_id)
        columns = [happened.c[name] for name in ("customer_id", "occurred_at", "data")]
        query = select(*columns, *answers).select_from(
            joined.join(scope.facts, scope.facts.c.customer_id == customers.c.id)
        )
        for customer, at, data, *in_sql in connection.execute(query):
            known[customer].event = {**data, "at": at}
            for expression, answer in zip(expressions, in_sql, strict=True):
                value = expression.explain(known[customer], now).value
                assert value is (None if answer is None else bool(answer)), expression.text
