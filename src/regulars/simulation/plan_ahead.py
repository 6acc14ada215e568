"""The plan now and for the days to come: the real planner, in a transaction that is rolled back.

`plan_now` is exactly what a plan at `now` would do. `forecast` continues as if every email arrived
and no new events occurred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from regulars.context.plan_context import Ruleset
from regulars.core.calendar import instant, local_date
from regulars.db import engine as db
from regulars.planner.activation import Change
from regulars.planner.moves import in_flight
from regulars.planner.plan import Plan, Tally, plan, tallies
from regulars.simulation import ledger_queries
from regulars.simulation.difference import Difference
from regulars.simulation.ledger_queries import Sample
from regulars.simulation.rules_in_force import rules_in_force
from regulars.simulation.simulated_days import Day, Simulation

SAMPLES = 5
"""Number of clients shown for each outcome."""


@dataclass(frozen=True, slots=True)
class ChangeEffect:
    """The immediate effect of a change of rules: how many are due now, and how many are past it and get nothing."""

    change: Change
    due: int
    left_alone: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan at `now` does, and the following days (if requested)."""

    now: datetime
    campaigns: Mapping[str, Tally]
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    changes: Sequence[ChangeEffect] = ()
    recounted: bool = False
    """Whether a changed tariff recounts everybody's points."""
    days: Sequence[Day] = ()
    difference: Difference | None = None
    stops: Sequence[str] = ()
    """A sentence for each campaign that a guard would stop."""
    in_flight: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By campaign and decision, how many clients wait there after the plan."""

    @property
    def due(self) -> int:
        """The number of emails that can be sent now."""
        return sum(tally.due for tally in self.campaigns.values())

    def to_json(self) -> dict[str, Any]:
        """The published shape of `plan --json`; keys are only ever added."""
        document: dict[str, Any] = {
            "now": self.now.isoformat(),
            "campaigns": {
                name: {"due": tally.due, "held": dict(tally.held), "skipped": dict(tally.skipped)}
                | ({"variants": dict(tally.variants)} if tally.variants else {})
                for name, tally in self.campaigns.items()
            },
            "changes": [
                {
                    "campaign": b.change.campaign,
                    "what": b.change.what,
                    "due": b.due,
                    "left_alone": b.left_alone,
                    **({"moves": [move.to_json() for move in b.change.moves]} if b.change.moves else {}),
                }
                for b in self.changes
            ],
        }
        if self.in_flight:
            document["in_flight"] = {name: dict(steps) for name, steps in self.in_flight.items()}
        if self.recounted:
            document["points_recounted"] = True
        if self.days:
            document["days"] = [day.to_json() for day in self.days]
        if self.difference is not None:
            document["difference"] = self.difference.to_json()
        return document


def plan_now(engine: Engine, rules: Ruleset, now: datetime, *, samples: int = SAMPLES) -> Forecast:
    """What a plan at `now` would do, with up to `samples` clients for each outcome; leaves no trace."""
    return forecast(engine, rules, now, 0, samples=samples)


def forecast(
    engine: Engine, rules: Ruleset, now: datetime, days: int, *, samples: int = SAMPLES,
    progress: Callable[[datetime], None] | None = None,
) -> Forecast:  # fmt: skip
    """The plan at `now` and the next `days` local days, today included; leaves no trace.

    Where the rules differ from those in force, the difference says who gains and who loses an email up to the
    end of these days (or at once, for none), compared with leaving the rules as they are.
    """
    until = last_instant(rules, now, days)
    with db.dry_run(engine) as connection:
        old = rules_in_force(connection, rules)
        found = _first(connection, plan(connection, rules, now), now, samples)
    changed = bool(found.changes) or found.recounted
    if not days and not changed:
        return found
    after = _simulated(engine, rules, now, until, progress)
    if days:
        found = replace(found, days=tuple(after.days))
    if not changed or old is None:
        return found
    before = _simulated(engine, old, now, until, progress)
    with db.read(engine) as connection:
        return replace(found, difference=Difference.of(connection, before.emails, after.emails, rules, samples))


def last_instant(rules: Ruleset, now: datetime, days: int) -> datetime:
    """The last instant of the last of these local days; `now` itself for none."""
    if not days:
        return now
    zone = rules.rulebook.company.timezone
    last = local_date(now, zone) + timedelta(days=days)
    return instant(datetime.combine(last, time()), zone) - timedelta(microseconds=1)


def _simulated(
    engine: Engine, rules: Ruleset, now: datetime, until: datetime, progress: Callable[[datetime], None] | None
) -> Simulation:
    with db.dry_run(engine) as connection:
        simulation = Simulation(connection, rules, now, until)
        simulation.run(progress)
        return simulation


def _first(connection: Connection, made: Plan, now: datetime, count: int) -> Forecast:
    found = tallies(connection, made.active_campaigns, now)
    keys = {active.campaign.name: key for key, active in made.active_campaigns.items()}
    alone = ledger_queries.left_alone(connection, keys.values())
    blasts = [
        ChangeEffect(change, found.get(change.campaign, Tally()).due, alone.get(keys.get(change.campaign, ""), 0))
        for change in made.changes
    ]
    return Forecast(
        now, found, ledger_queries.samples(connection, made.active_campaigns, now, count), blasts, made.recounted,
        stops=_stops(made), in_flight=in_flight(connection, made.active_campaigns),
    )  # fmt: skip


def _stops(made: Plan) -> list[str]:
    names = {key: active.campaign.name for key, active in made.active_campaigns.items()}
    return [f"a guard would pause {alarm.target.words(names)}: {alarm.why}" for alarm in made.alarms]
