"""Rule tests plan only what can matter to their client: to plan everything, and at every hour, comes to the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, select

from regulars.audience.person import Person
from regulars.context.statement_cache import StatementCache
from regulars.db.engine import read, write
from regulars.db.tables import promises
from regulars.planner.prefilter import Prefiltered
from regulars.simulation import scene
from regulars.simulation.scene import Scene
from regulars.simulation.timeline import Timeline
from regulars.workspace.folder import Workspace, open_workspace
from tests.common.crowd import LASTING
from tests.common.scratch import in_memory
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.slow

CAMPAIGNS: dict[str, Any] = {
    **LASTING,
    "visit": {
        "on": "visit.rated", "audience": "event.score < 5 or not did('complaint.filed', within='10 days')",
        "steps": [{"email": "f", "wait": "2 days"}],
    },
    "thanks": {"on": "purchase", "kind": "transactional", "audience": "event.amount >= 30", "email": "g"},
    "news": {"schedule": "weekly on monday at 10:00", "audience": "customer.purchases > 2", "email": "h"},
    "asked": {"on": "complaint.filed", "until": "visit.rated", "steps": [{"email": "i", "wait": "4 working hours"}]},
}  # fmt: skip
EVENTS = {"visit.rated": {"score": "number"}, "complaint.filed": {"score": "number"}}
POLICY = {"quiet_hours": "20:00-09:00", "cap": "2 per 7 days", "late": "2 days"}
START = datetime(2026, 3, 1, tzinfo=UTC)
LONG = 5
"""Scenes of two months; one more has a few days, for every hour is slow."""
FIELDS = ("campaign", "step", "occurrence", "state", "reason", "due_at", "settled_at")


class Thorough(Timeline):
    """Plans every campaign of the rules whenever it plans, by statements that are put together each time."""

    def __init__(self, engine: Engine, rules: Workspace, stage: Scene, cache: StatementCache | None = None) -> None:
        super().__init__(engine, rules, stage, cache)
        self.rules = rules  # type: ignore[assignment]

    def _tick(self, now: datetime, *, states_unchanged: bool = False) -> None:
        super()._tick(now)

    def _resting(self, now: datetime) -> set[str]:
        return set()


class Hourly(Thorough):
    """And at every full hour, whatever the calendar says."""

    def _state_changes(self, person: Person | None, stop: datetime, following: datetime) -> Iterator[datetime]:
        yield from super()._state_changes(person, stop, following)
        hour = stop.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        while hour < following:
            yield hour
            hour += timedelta(hours=1)


def _scene(seed: int, days: int) -> dict[str, Any]:
    dice = random.Random(seed)

    def moments(most: int) -> list[str]:
        found = [START + timedelta(days=dice.randrange(days), minutes=dice.randrange(1440)) for _ in range(most)]
        return [f"{moment:%Y-%m-%d %H:%M}" for moment in sorted(set(found))]

    names = {"visit.rated": 2, "complaint.filed": 2}
    events = [
        {"name": name, "at": at, "data": {"score": dice.randrange(10)}}
        for name, most in names.items()
        for at in moments(dice.randrange(most + 1))
    ]
    return {
        "name": f"seed {seed}",
        "customer": {
            "country": "MD",
            "timezone": dice.choice(["Europe/Chisinau", "Pacific/Auckland", "America/New_York"]),
            "birthday": f"1985-{dice.choice(['03', '04'])}-{dice.randrange(1, 29):02d}",
            "purchases": [{"at": at, "amount": dice.randrange(10, 90)} for at in moments(dice.randrange(5))],
        },
        "events": events,
        "on": f"{START + timedelta(days=days + 5):%Y-%m-%d} 12:00",
        "expect": {"silent": "nothing"},
    }


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("shortcuts")
    write_workspace(root, CAMPAIGNS, policy=POLICY)
    tests = [_scene(seed, 60) for seed in range(LONG)] + [_scene(20, 2)]
    (root / "campaigns" / "tests.yaml").write_text(yaml.safe_dump({"events": EVENTS, "tests": tests}), "utf-8")
    return open_workspace(root)


def _lived(studio: Workspace, number: int, kind: type[Timeline], cache: StatementCache | None = None) -> Sequence[Any]:
    engine = in_memory()
    with write(engine) as connection:
        scene.clear(connection)
    kind(engine, studio, Scene.of(studio.rulebook.tests[number], studio.rulebook), cache).run()
    columns = [promises.c[name] for name in FIELDS]
    with read(engine) as connection:
        return connection.execute(select(*columns).order_by(*columns[:3])).all()


@pytest.fixture(scope="module")
def short(studio: Workspace) -> list[Sequence[Any]]:
    """What becomes of each scene with every shortcut."""
    cache = StatementCache()
    return [_lived(studio, number, Timeline, cache) for number in range(LONG + 1)]


@pytest.mark.parametrize("number", range(LONG))
def test_nothing_is_left_out_that_would_have_found_the_client(
    studio: Workspace, short: list[Sequence[Any]], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = import_module("regulars.planner.plan")
    monkeypatch.setattr(
        everything, "prefilter", lambda _context, active_campaigns: Prefiltered.everything(active_campaigns)
    )
    assert _lived(studio, number, Thorough) == short[number]


def test_no_instant_is_left_out_at_which_something_would_have_happened(
    studio: Workspace, short: list[Sequence[Any]]
) -> None:
    assert _lived(studio, LONG, Hourly) == short[LONG]


def test_there_is_something_to_compare(short: list[Sequence[Any]]) -> None:
    assert {row.campaign for rows in short for row in rows} == set(CAMPAIGNS)
    assert {"sent", "skipped"} <= {row.state for rows in short for row in rows}
