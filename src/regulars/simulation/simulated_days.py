"""Simulates days in one transaction: plan, dry dispatch, next relevant instant.

States are evaluated every full hour, calendar dates and times at their own instant, and individual times
(waits, ends of quiet hours) on a grid of a quarter of an hour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from regulars.context.active_campaign import ActiveCampaign, load_active_campaigns
from regulars.context.plan_context import Ruleset, plan_context
from regulars.context.statement_cache import StatementCache
from regulars.core.calendar import days, local_date
from regulars.planner.moves import Move, in_flight
from regulars.planner.plan import Plan, plan
from regulars.planner.prefilter import exhausted, last_events
from regulars.simulation import dry_dispatch, ledger_queries
from regulars.simulation.instants import hours, on_calendar, rounded_up
from regulars.triggers.kinds import trigger_of

GRID = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of the company: by campaign what was sent, is held at its end, or was skipped and why."""

    day: date
    sent: Mapping[str, int]
    held: Mapping[str, Mapping[str, int]]
    skipped: Mapping[str, Mapping[str, int]]

    def to_json(self) -> dict[str, Any]:
        """The day in the shape of a plan, with `sent` for `due`."""
        names = sorted({*self.sent, *self.held, *self.skipped})
        campaigns = {
            name: {
                "sent": self.sent.get(name, 0),
                "held": dict(self.held.get(name, {})),
                "skipped": dict(self.skipped.get(name, {})),
            }
            for name in names
        }
        return {"day": self.day.isoformat(), "campaigns": campaigns}


class Simulation:
    """The days from `now` to `until` in the caller's transaction, which must be rolled back."""

    def __init__(self, connection: Connection, rules: Ruleset, now: datetime, until: datetime) -> None:
        self.connection, self.rules, self.now, self.until = connection, rules, now, until
        self.zone = rules.rulebook.company.timezone
        self.emails: list[ledger_queries.Email] = []
        """All sent emails, in order."""
        self.moves: list[tuple[str, Move]] = []
        """Clients in flight who are moved because a rule was edited, by campaign."""
        self.in_flight: dict[str, dict[str, int]] = {}
        """By campaign and decision, how many clients wait there at the start."""
        self.days: list[Day] = []
        self._happened = last_events(connection)
        self._cache = StatementCache()
        self._made: Plan | None = None
        self._sent: Counter[str] = Counter()
        self._skipped: dict[str, Counter[str]] = {}

    def run(self, progress: Callable[[datetime], None] | None = None) -> None:
        """Runs the simulation; the results are in `days` and `emails`."""
        fixed, moment = self._fixed(), self.now
        today = local_date(moment, self.zone)
        while True:
            self._tick(moment)
            if progress is not None:
                progress(moment)
            following = self._after(moment, fixed)
            next_day = local_date(min(following or self.until, self.until), self.zone)
            if following is None:
                next_day += timedelta(days=1)
            for day in days(today, next_day - timedelta(days=1)):
                self._close(day)
            if following is None:
                return
            moment, today = following, next_day

    def _fixed(self) -> list[datetime]:
        book = self.rules.rulebook
        campaigns = [campaign for campaign in book.campaigns.values() if campaign.enabled]
        zones = plan_context(self.connection, self.rules, self.now).zones
        fixed = on_calendar(campaigns, book, zones, self.now, self.until)
        if any(trigger_of(campaign).watches for campaign in campaigns):
            fixed |= set(hours(self.now, self.until))
        return sorted(fixed)

    def _after(self, moment: datetime, fixed: list[datetime]) -> datetime | None:
        place = bisect_right(fixed, moment)
        found = [fixed[place]] if place < len(fixed) else []
        upcoming = ledger_queries.upcoming(self.connection, self.rules.rulebook, moment, self._cache)
        if upcoming is not None:
            found.append(rounded_up(upcoming, GRID))
        return min((one for one in found if one <= self.until), default=None)

    def _active_campaigns(self) -> dict[str, ActiveCampaign]:
        return load_active_campaigns(self.connection, self.rules.rulebook)

    def _tick(self, moment: datetime) -> None:
        excluded = self._excluded(moment)
        self._made = plan(self.connection, self.rules, moment, excluded=excluded, cache=self._cache, resumed=self._made)
        active_campaigns = self._made.active_campaigns
        if moment == self.now:
            self.moves = [(change.campaign, move) for change in self._made.changes for move in change.moves]
            self.in_flight = in_flight(self.connection, active_campaigns)
        went = ledger_queries.emails(self.connection, dry_dispatch.send(self.connection, self.rules, moment))
        self.emails += went
        self._sent.update(active_campaigns[email.campaign].campaign.name for email in went)
        for name, reasons in ledger_queries.skipped(self.connection, active_campaigns, moment).items():
            self._skipped.setdefault(name, Counter()).update(reasons)

    def _excluded(self, moment: datetime) -> set[str]:
        """No events occur in a simulation, so event campaigns run out. Rules come into force at the start."""
        if moment == self.now:
            return set()
        return exhausted(self.rules.rulebook, moment, self._active_campaigns(), self._happened)

    def _close(self, day: date) -> None:
        held = ledger_queries.held(self.connection, self._active_campaigns())
        self.days.append(Day(day, self._sent, held, self._skipped))
        self._sent, self._skipped = Counter(), {}
