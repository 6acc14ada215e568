"""A rule test lived through: the real planner and the real dispatcher, at every instant that matters up to the last.

The clock jumps from one instant to the next: the rules come into force, something happens, a wait or a night
ends, a date comes round, a state begins or ends. Both clocks, of the plan and of the wall, are the simulated one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Engine

from regulars.audience import load_people
from regulars.core.clock import frozen
from regulars.delivery import Outcome, Parcel, Result
from regulars.dispatch import Dispatcher, Lane, Options, Rules
from regulars.planner import plan
from regulars.rehearsal import records
from regulars.rehearsal.instants import on_calendar
from regulars.rehearsal.narrow import narrowed
from regulars.rehearsal.scene import CLIENT, Scene
from regulars.rehearsal.turning import StateOf, ValueOf, rounds, turns
from regulars.rules.model import Kind
from regulars.store.engine import read, write

OPTIONS = Options(web_url="https://example.com", secret=b"rule tests", worker="test")


@dataclass
class Keeper:
    """A carrier that accepts everything and keeps it, with the time of the simulated clock."""

    now: datetime
    kept: list[tuple[datetime, Parcel]] = field(default_factory=list)

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Result]:
        """Takes every parcel."""
        self.kept += [(self.now, parcel) for parcel in parcels]
        return [Result(parcel.key, Outcome.ACCEPTED, 250, "2.0.0 kept") for parcel in parcels]


class Timeline:
    """One scene in one scratch database; `keeper.kept` holds what was sent."""

    def __init__(self, engine: Engine, rules: Rules, scene: Scene) -> None:
        self.engine, self.rules, self.scene = engine, narrowed(rules, scene), scene
        self.keeper = Keeper(scene.in_force)

    def run(self) -> None:
        """Up to the scene's last instant, which is planned and sent at too."""
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
            self._tick(stop)
            self._between(stop, following)

    def _tick(self, now: datetime) -> None:
        with write(self.engine) as connection:
            cleared = plan(connection, self.rules, now).cleared
        if not cleared:
            return
        self.keeper.now = now
        lane = Lane("test", frozenset(str(kind) for kind in Kind), self.keeper)
        dispatcher = Dispatcher(self.engine, self.rules, [lane], OPTIONS, clock=frozen(now), wall=frozen(now))
        asyncio.run(dispatcher.run())

    def _between(self, stop: datetime, following: datetime) -> None:
        """Ticks at what falls between two things that happen, both ends excluded."""
        fixed = sorted(set(self._turning(stop, following)))
        now = stop
        while True:
            with read(self.engine) as connection:
                upcoming = records.upcoming(connection, self.rules.rulebook, now)
            found = [moment for moment in fixed if moment > now][:1] + ([upcoming] if upcoming else [])
            if not found or min(found) >= following:
                return
            now = min(found)
            self._tick(now)

    def _turning(self, stop: datetime, following: datetime) -> Iterator[datetime]:
        """What the calendar brings to this client, and where a state begins or ends as time passes."""
        book = self.rules.rulebook
        active = [campaign for campaign in book.campaigns.values() if campaign.enabled]
        timed = [campaign for campaign in active if campaign.every is None]
        yield from on_calendar(timed, book, (self.scene.zone,), stop, following)
        with read(self.engine) as connection:
            person = load_people(connection, [CLIENT], stop, book.company.timezone).get(CLIENT)
        if person is None:
            return
        for campaign in active:
            if campaign.every is not None:
                yield from rounds(campaign, book, person, stop, following)
            elif campaign.when is not None or campaign.each is not None:
                state = (StateOf if campaign.when is not None else ValueOf).of(self.rules, campaign)
                yield from turns(state, person, stop, following, closer=self.scene.day_begins)
