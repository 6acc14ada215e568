"""Warm-ups of new servers against a plain model: counted over all workers, by the company's local day."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from regulars.db.engine import write
from regulars.db.tables import server_days
from regulars.ledger.server_quotas import ServerLimit, quotas, spend, used_up
from regulars.rules.delivery_rules import Growth, WarmUp
from tests.common.bench import at

pytestmark = pytest.mark.slow
ZONE = "Europe/Chisinau"
LIMITS = {"east": ServerLimit(warm_up=WarmUp(start=5, grow=Growth(1.5), until=18))}
STEPS = st.lists(st.tuples(st.sampled_from([0, 1, 7, 26, 50]), st.integers(0, 12), st.integers(0, 3)), max_size=25)


class Model:
    """A person with a notebook: a line for each day, and how many went on it."""

    def __init__(self) -> None:
        self.days: dict[object, int] = {}

    def take(self, now: datetime, wanted: int) -> int:
        today = now.astimezone(ZoneInfo(ZONE)).date()
        number: float = 5
        for _ in range(sum(1 for day, count in self.days.items() if day != today and count)):
            number = max(int(number * 1.5), number + 1) if number < 18 else number
        left = wanted if number >= 18 else max(0, int(number) - self.days.get(today, 0))
        taken = min(wanted, left)
        self.days[today] = self.days.get(today, 0) + taken
        return taken

    def give_back(self, now: datetime, count: int) -> None:
        self.days[now.astimezone(ZoneInfo(ZONE)).date()] -= count


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_warm_up_allows_what_the_notebook_allows(engine: Engine, steps: list[tuple[int, int, int]]) -> None:
    with write(engine) as connection:
        connection.execute(delete(server_days))
    model, now = Model(), at("2026-10-23T18:00")  # over the night in which the clocks go back
    for hours, wanted, unused in steps:
        now += timedelta(hours=hours)
        with write(engine) as connection:
            most = quotas(connection, LIMITS, now, ZONE)["east"].now
            taken = min(wanted, most)
            assert taken == model.take(now, wanted)
            spend(connection, LIMITS, {"east": taken}, now, ZONE)
            back = min(unused, taken)
            model.give_back(now, back)
            spend(connection, LIMITS, {"east": -back}, now, ZONE)


def test_what_is_used_up_names_the_day_and_when_it_goes_on(engine: Engine) -> None:
    now = at("2026-10-23T18:00")
    with write(engine) as connection:
        assert quotas(connection, LIMITS, now, ZONE)["east"].used_up is None
        spend(connection, LIMITS, {"east": 5, "other": 3}, now, ZONE)
        found = quotas(connection, LIMITS, now, ZONE)["east"]
        (told,) = used_up(connection, now)
        assert (found.now, found.used_up) == (0, told)
        assert str(told).endswith("or wait until 2026-10-23 21:00 UTC")
        assert used_up(connection, now + timedelta(hours=4)) == []
