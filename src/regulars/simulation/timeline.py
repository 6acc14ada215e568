"""Runs a rule test: the real planner and dispatcher, at every relevant instant up to the last.

The clock jumps from one instant to the next: the rules come into force, an event occurs, a wait or quiet hours
end, a date is due, a state begins or ends. Both clocks, of the plan and of leases, are the simulated one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Engine

from regulars.audience.person import Person, load_people
from regulars.context.statement_cache import StatementCache
from regulars.core.clock import frozen
from regulars.db.engine import read, write
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.transport import Delivery, Transport
from regulars.dispatch.dispatcher import Dispatcher, Options, Rules
from regulars.dispatch.lane import Lane
from regulars.planner.plan import Plan, plan
from regulars.rules.model import Kind
from regulars.simulation import ledger_queries
from regulars.simulation.relevant_campaigns import relevant_campaigns
from regulars.simulation.scene import CLIENT, Scene
from regulars.triggers.kinds import trigger_of
from regulars.triggers.state_changes import state_changes

_MARGIN = timedelta(days=3)
"""Larger than any effect of zones, midnight or leap days."""
OPTIONS = Options(web_url="https://example.com", secret=b"rule tests", worker="test")


@dataclass
class RecordingTransport(Transport):
    """Accepts and records every parcel, with the simulated time."""

    now: datetime
    accepted: list[tuple[datetime, Parcel]] = field(default_factory=list)
    server: str = "recorder"

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        """Accepts every parcel."""
        self.accepted += [(self.now, parcel) for parcel in parcels]
        return Delivery([Result(parcel.key, Outcome.ACCEPTED, 250, "2.0.0 kept") for parcel in parcels])

    async def close(self) -> None:
        """Does nothing: there is no connection."""


class Timeline:
    """One scene in one scratch database; `transport` has what was sent.

    `cache` keeps the statements for the next scene of the same rules; without it they are built each time.
    """

    def __init__(self, engine: Engine, rules: Rules, scene: Scene, cache: StatementCache | None = None) -> None:
        self.engine, self.rules, self.scene = engine, relevant_campaigns(rules, scene), scene
        self.transport = RecordingTransport(scene.in_force)
        self._dates: dict[str, list[datetime]] = {}
        self.cache = cache
        self._made: Plan | None = None

    def run(self) -> None:
        """Runs up to and including the scene's last instant."""
        scene = self.scene
        with write(self.engine) as connection:
            scene.build(connection)
        history = [item for item in scene.history if item.at <= scene.until]
        stops = sorted({scene.in_force, scene.until, *(item.at for item in history if item.at > scene.in_force)})
        for stop, following in pairwise([*stops, scene.until]):
            happening = [item for item in history if item.at == stop or (stop == scene.in_force and item.at < stop)]
            with write(self.engine) as connection:
                for item in happening:
                    scene.put(connection, item)
            with read(self.engine) as connection:
                zone = self.rules.rulebook.company.timezone
                person = load_people(connection, [CLIENT], stop, zone).get(CLIENT)
            self._dates = dict(self._calendar(person, stop, following))
            self._tick(stop)
            self._between(person, stop, following)

    def _tick(self, now: datetime, *, states_unchanged: bool = False) -> None:
        with write(self.engine) as connection:
            excluded = self._excluded(now)
            made = plan(
                connection,
                self.rules,
                now,
                only=CLIENT,
                excluded=excluded,
                states_unchanged=states_unchanged,
                cache=self.cache,
                resumed=self._made,
            )
        self._made = made
        if not made.cleared:
            return
        self.transport.now = now
        lane = Lane("test", frozenset(str(kind) for kind in Kind), self.transport)
        dispatcher = Dispatcher(self.engine, self.rules, [lane], OPTIONS, clock=frozen(now), wall=frozen(now))
        asyncio.run(dispatcher.run())

    def _between(self, person: Person | None, stop: datetime, following: datetime) -> None:
        """Ticks at the instants between two entries of the history, both excluded."""
        dates = (moment for found in self._dates.values() for moment in found)
        changes = set(self._state_changes(person, stop, following))
        fixed = sorted({*dates, *changes})
        now = stop
        while True:
            with read(self.engine) as connection:
                upcoming = ledger_queries.upcoming(connection, self.rules.rulebook, now, self.cache or StatementCache())
            found = [moment for moment in fixed if moment > now][:1] + ([upcoming] if upcoming else [])
            if not found or min(found) >= following:
                return
            now = min(found)
            # States and values depend on events and time, never on what is sent.
            self._tick(now, states_unchanged=now not in changes)

    def _calendar(
        self, person: Person | None, stop: datetime, following: datetime
    ) -> Iterator[tuple[str, list[datetime]]]:
        """The calendar dates of this client up to `following`, and earlier ones that can still be sent."""
        rulebook = self.rules.rulebook
        for name, campaign in rulebook.campaigns.items():
            if campaign.enabled:
                begin = stop - campaign.max_lateness(rulebook.policy) - _MARGIN
                zone = self.scene.zone
                times = trigger_of(campaign).calendar_times_of(rulebook, person, zone, begin, following)
                if times is not None:
                    yield name, times

    def _excluded(self, now: datetime) -> set[str]:
        """Campaigns whose last date is too long ago for any email to be sent."""
        book = self.rules.rulebook
        return {
            name
            for name, dates in self._dates.items()
            for campaign in (book.campaigns[name],)
            if campaign.backfill.mode == "none"
            and not any(now - campaign.max_lateness(book.policy) - _MARGIN <= moment <= now for moment in dates)
        }

    def _state_changes(self, person: Person | None, stop: datetime, following: datetime) -> Iterator[datetime]:
        """The instants at which a state begins or ends as time passes."""
        if person is None:
            return
        for campaign in self.rules.rulebook.campaigns.values():
            watched = trigger_of(campaign).watched(self.rules) if campaign.enabled else None
            if watched is not None:
                closer = self.scene.day_begins
                yield from state_changes(watched, person, stop, following, closer=closer, segments=True)
