"""Random sequences over random histories: the plan hour by hour is the model; edits mail nobody twice."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from regulars.db import tables
from regulars.db.engine import write
from regulars.planner.activation import activate
from tests.common.sequences import BEGIN, HOUR, World, campaigns, disagreements, random_edit, random_rule

pytestmark = pytest.mark.slow

HOURS, CLIENTS = 20, 6
REUSED = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _empty(engine: Engine) -> None:
    with write(engine) as connection:
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(delete(table))


@REUSED
@given(seed=st.integers(0, 2**32))
def test_the_plan_walks_as_the_model_does(engine: Engine, seed: int) -> None:
    _empty(engine)
    dice = random.Random(seed)
    rule = random_rule(dice)
    world = World(engine, dice, rule, CLIENTS, HOURS)
    for number in range(HOURS):
        sent, walked = world.hour(BEGIN + number * HOUR)
        assert sent == walked, (number, rule)
    assert disagreements(world, BEGIN + (HOURS - 1) * HOUR) == []


@REUSED
@given(seed=st.integers(0, 2**32))
def test_edits_mail_nobody_twice_and_leave_nobody_behind(engine: Engine, seed: int) -> None:
    _empty(engine)
    dice = random.Random(seed)
    rule = random_rule(dice)
    world = World(engine, dice, rule, CLIENTS, HOURS)
    had: Counter[tuple[str, str]] = Counter()
    for number in range(HOURS):
        if number % 5 == 4:
            rule = random_edit(dice, rule)
            assert world.bench.rules is not None
            world.bench.rules = world.bench.rules.with_campaigns(campaigns(rule))
        sent, _ = world.hour(BEGIN + number * HOUR, walk=False)
        had.update(sent)
        assert max(had.values(), default=1) == 1
    with write(engine) as connection:  # what is in force needs no further move
        assert activate(connection, world.bench.rules.rulebook, BEGIN + HOURS * HOUR) == []  # type: ignore[union-attr]
