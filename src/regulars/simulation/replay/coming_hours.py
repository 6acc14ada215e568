"""The emails of the coming hours: what becomes due, what the rates of lanes let go, what waits and what comes too late.

The real planner plans on a copy of the database, hour by hour, as if nothing happened and every email were accepted. A
lane sends no more in an hour than its rate allows; what is left waits, and is examined again before it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from regulars.context.plan_context import Ruleset
from regulars.core.calendar import local_date
from regulars.db.states import Reason, State
from regulars.db.types import to_micros
from regulars.ledger.server_quotas import ServerLimit
from regulars.simulation import dry_dispatch
from regulars.simulation.instants import HOUR, rounded_up
from regulars.simulation.replay.known_history import copy_history
from regulars.simulation.replay.past_days import GuardAlarm, PastDays
from regulars.simulation.replay.scratch_file import scratch_engine, scratch_folder

_BEFORE = timedelta(microseconds=1)
Progress = Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class LaneRate:
    """What a lane can send: emails per second (None: no limit), or the limits of the servers of its pool by name.

    `unlimited` says that a server of the pool has no limit, so that the pool has none.
    """

    name: str
    kinds: frozenset[str]
    per_second: float | None = None
    servers: dict[str, ServerLimit] = field(default_factory=dict)
    unlimited: bool = True


@dataclass(slots=True)
class Hour:
    """One hour of a lane: emails that become ready, that go, that still wait at its end, and that came too late."""

    at: datetime
    due: int = 0
    sent: int = 0
    waiting: int = 0
    too_late: int = 0


@dataclass(frozen=True, slots=True)
class LaneHours:
    """The hours of a lane, in order."""

    lane: LaneRate
    hours: Sequence[Hour]

    @property
    def empty_at(self) -> datetime | None:
        """When no email waits any more, to the hour; None if some wait after the last hour, too."""
        waiting = [hour for hour in self.hours if hour.waiting]
        if waiting and waiting[-1] is self.hours[-1]:
            return None
        return waiting[-1].at + HOUR if waiting else self.hours[0].at

    @property
    def too_late(self) -> int:
        """Emails that came too late while they waited."""
        return sum(hour.too_late for hour in self.hours)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; keys are only ever added."""
        return {
            "lane": self.lane.name, "kinds": sorted(self.lane.kinds), "per_second": self.lane.per_second,
            "empty_at": None if self.empty_at is None else self.empty_at.isoformat(), "too_late": self.too_late,
            "waiting_at_the_end": self.hours[-1].waiting,
            "hours": [
                {
                    "at": one.at.isoformat(), "due": one.due, "sent": one.sent, "waiting": one.waiting,
                    "too_late": one.too_late,
                }
                for one in self.hours
            ],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class HourlyForecast:
    """The coming hours of every lane, what is held at the end and what is skipped until then, by reason."""

    now: datetime
    until: datetime
    lanes: Sequence[LaneHours]
    held: dict[str, int]
    skipped: dict[str, int]
    alarms: Sequence[GuardAlarm]

    def to_json(self) -> dict[str, Any]:
        """The published shape of `forecast --json`; keys are only ever added."""
        return {
            "now": self.now.isoformat(), "until": self.until.isoformat(),
            "lanes": [one.to_json() for one in self.lanes],
            "held_at_the_end": self.held, "skipped": self.skipped,
            "alarms": [{"at": one.at.isoformat(), "campaign": one.campaign, "why": one.why} for one in self.alarms],
        }  # fmt: skip


def forecast_hours(
    real: Engine, rules: Ruleset, lanes: Sequence[LaneRate], now: datetime, until: datetime,
    progress: Progress | None = None,
) -> HourlyForecast:  # fmt: skip
    """The hours from `now` to `until`; leaves no trace and blocks nobody."""
    with scratch_folder() as folder, scratch_engine(Path(folder) / "forecast.sqlite") as scratch:
        copy_history(real, scratch, now, present=True)
        hours = ComingHours(scratch, rules, now, until, lanes)
        lived = hours.run(progress)
        with scratch.connect() as connection:
            held = _reasons(connection, f"state = '{State.HELD}'", 0)
            skipped = _reasons(connection, f"state = '{State.SKIPPED}' AND settled_at >= ?", to_micros(now))
        found = [LaneHours(lane, hours.of(lane)) for lane in lanes]
        return HourlyForecast(now, until, found, held, skipped, lived.alarms)


class ComingHours(PastDays):
    """The same as past days, by the rates of lanes; a guard's pause stays."""

    resumes = False

    def __init__(
        self, scratch: Engine, rules: Ruleset, since: datetime, until: datetime, lanes: Sequence[LaneRate]
    ) -> None:  # fmt: skip
        super().__init__(scratch, rules, since, until)
        self._lanes = lanes
        self._hours: dict[tuple[str, datetime], Hour] = {}
        self._servers = {name: limit for lane in lanes for name, limit in lane.servers.items()}
        self._steps: dict[str, int] = {}
        self._day_used: dict[tuple[str, Any], int] = {}

    def of(self, lane: LaneRate) -> list[Hour]:
        """Every hour of a lane, those without an email too."""
        found, at, waiting = [], _hour(self.since), 0
        while at <= self.until:
            hour = self._hours.get((lane.name, at)) or Hour(at, waiting=waiting)
            waiting = hour.waiting
            found.append(hour)
            at += HOUR
        return found

    def _begin(self, connection: Connection) -> None:
        super()._begin(connection)
        rows = connection.exec_driver_sql("SELECT server, day, sent FROM server_days WHERE sent > 0").all()
        today = local_date(self.since, self.rules.rulebook.company.timezone)
        for server, day, sent in rows:
            if str(day) == today.isoformat():
                self._day_used[server, today] = int(sent)
            else:
                self._steps[server] = self._steps.get(server, 0) + 1

    def _send(self, connection: Connection, now: datetime) -> None:
        for lane in self._lanes:
            hour = self._hours.setdefault((lane.name, _hour(now)), Hour(_hour(now)))
            before = self._hours.get((lane.name, _hour(now) - HOUR))
            queued = hour.waiting if hour.sent or hour.due else before.waiting if before else 0
            ready = self._count(connection, lane, f"state = '{State.PLANNED}'", None)
            room = self._room(lane, hour, now)
            sent = len(dry_dispatch.send(connection, self.rules, now, lane.kinds, room))
            hour.due += max(0, ready - queued)
            hour.too_late += self._count(
                connection, lane, f"state = '{State.SKIPPED}' AND reason = '{Reason.LATE}'", now
            )
            hour.sent += sent
            hour.waiting = self._count(connection, lane, f"state = '{State.PLANNED}'", None)
            self._use_warm_ups(lane, sent, now)

    def _after(self, connection: Connection, now: datetime) -> datetime | None:
        following = super()._after(connection, now)
        next_hour = rounded_up(now + _BEFORE, HOUR)
        waiting = any(self._hours[lane.name, _hour(now)].waiting for lane in self._lanes)
        if waiting and next_hour <= self.until and (following is None or following > next_hour):
            self._turned = False  # nothing can turn before `following`
            return next_hour
        return following

    def _room(self, lane: LaneRate, hour: Hour, now: datetime) -> int | None:
        """How many emails may still go in this hour; None without a limit."""
        part = (hour.at + HOUR - now) / HOUR
        if lane.per_second is not None:
            whole = int(lane.per_second * 3600)
            return max(0, min(int(whole * part), whole - hour.sent))
        if lane.unlimited:
            return None
        day = local_date(now, self.rules.rulebook.company.timezone)
        room = 0
        for name, limit in lane.servers.items():
            by_rate = None if limit.rate is None else int(limit.rate * 3600 * part)
            allowed = None if limit.warm_up is None else limit.warm_up.allowed(self._steps.get(name, 0))
            left = None if allowed is None else max(0, allowed - self._day_used.get((name, day), 0))
            known = [number for number in (by_rate, left) if number is not None]
            if not known:
                return None
            room += min(known)
        return room

    def _use_warm_ups(self, lane: LaneRate, sent: int, now: datetime) -> None:
        """Counts what went as sent by servers with a warm-up first; a day on which one sent is a step of it."""
        day = local_date(now, self.rules.rulebook.company.timezone)
        for name, limit in lane.servers.items():
            allowed = None if limit.warm_up is None else limit.warm_up.allowed(self._steps.get(name, 0))
            if allowed is None or sent <= 0:
                continue
            for earlier in [key for key in self._day_used if key[0] == name and key[1] != day]:
                del self._day_used[earlier]
                self._steps[name] = self._steps.get(name, 0) + 1
            used = self._day_used.get((name, day), 0)
            taken = min(sent, max(0, allowed - used))
            self._day_used[name, day] = used + taken
            sent -= taken

    @staticmethod
    def _count(connection: Connection, lane: LaneRate, chosen: str, at: datetime | None) -> int:
        kinds = ", ".join(f"'{kind}'" for kind in sorted(lane.kinds))
        moment = "" if at is None else f" AND settled_at = {to_micros(at)}"
        query = f"SELECT count(*) FROM promises WHERE {chosen}{moment} AND kind IN ({kinds})"
        return int(connection.exec_driver_sql(query).scalar_one())


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _reasons(connection: Connection, chosen: str, since: int) -> dict[str, int]:
    query = f"SELECT reason, count(*) FROM promises WHERE {chosen} GROUP BY reason ORDER BY 2 DESC, 1"
    rows = connection.exec_driver_sql(query, (since,) if since else ())
    return {str(reason): int(number) for reason, number in rows}
