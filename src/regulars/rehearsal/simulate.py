"""Days that are lived through in one transaction: plan, pretend to send, go on to the next instant that matters.

States are looked at every full hour, dates and times of the calendar at their own instant, and what falls due
one by one (waits, ends of quiet hours) on a grid of a quarter of an hour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from regulars.clearance import Live, Ruleset, ground, live
from regulars.core.calendar import days, local_date
from regulars.planner import plan
from regulars.planner.stirring import happenings_of_all, over
from regulars.rehearsal import pretend, records
from regulars.rehearsal.instants import hours, on_calendar, rounded_up
from regulars.store.kept import Shelf

GRID = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of the company: by campaign what goes, what waits at its end, and what was dropped, and why."""

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
    """The days from `now` to `until` in the caller's transaction, which must be undone."""

    def __init__(self, connection: Connection, rules: Ruleset, now: datetime, until: datetime) -> None:
        self.connection, self.rules, self.now, self.until = connection, rules, now, until
        self.zone = rules.rulebook.company.timezone
        self.emails: list[records.Email] = []
        """Everything that went, in order."""
        self.days: list[Day] = []
        self._happened = happenings_of_all(connection)
        self._shelf = Shelf()
        self._sent: Counter[str] = Counter()
        self._skipped: dict[str, Counter[str]] = {}

    def run(self, progress: Callable[[datetime], None] | None = None) -> None:
        """Lives through the time; `days` and `emails` then say what happened."""
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
        zones = ground(self.connection, self.rules, self.now).zones
        fixed = on_calendar(campaigns, book, zones, self.now, self.until)
        if any(campaign.when is not None or campaign.each is not None for campaign in campaigns):
            fixed |= set(hours(self.now, self.until))
        return sorted(fixed)

    def _after(self, moment: datetime, fixed: list[datetime]) -> datetime | None:
        place = bisect_right(fixed, moment)
        found = [fixed[place]] if place < len(fixed) else []
        upcoming = records.upcoming(self.connection, self.rules.rulebook, moment, self._shelf)
        if upcoming is not None:
            found.append(rounded_up(upcoming, GRID))
        return min((one for one in found if one <= self.until), default=None)

    def _lives(self) -> dict[str, Live]:
        return live(self.connection, self.rules.rulebook)

    def _tick(self, moment: datetime) -> None:
        resting = self._resting(moment)
        lives = plan(self.connection, self.rules, moment, resting=resting, shelf=self._shelf).lives
        went = records.emails(self.connection, pretend.send(self.connection, self.rules, moment))
        self.emails += went
        self._sent.update(lives[email.campaign].campaign.name for email in went)
        for name, reasons in records.skipped(self.connection, lives, moment).items():
            self._skipped.setdefault(name, Counter()).update(reasons)

    def _resting(self, moment: datetime) -> set[str]:
        """Nothing happens in a rehearsal: what an event set off comes to an end. Rules come into force at first."""
        if moment == self.now:
            return set()
        return over(self.rules.rulebook, moment, self._lives(), self._happened)

    def _close(self, day: date) -> None:
        held = records.held(self.connection, self._lives())
        self.days.append(Day(day, self._sent, held, self._skipped))
        self._sent, self._skipped = Counter(), {}
