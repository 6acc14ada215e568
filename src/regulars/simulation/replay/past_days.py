"""Lives through past days on a scratch database: what was known comes in, the real planner plans, everything goes.

A plan is made wherever one can differ from the one before: when something became known, a state or a date can turn, a
wait or quiet hours end; all at the next full hour, as a planner that runs every hour would, and at the sending times
of the calendar. In between nothing is due. Every email is accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, Engine

from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import Ruleset, plan_context
from regulars.context.statement_cache import StatementCache
from regulars.core.calendar import instant, local_date
from regulars.db.engine import write
from regulars.db.states import Reason
from regulars.ledger.switches import resume
from regulars.planner.plan import Plan, plan
from regulars.planner.prefilter import exhausted
from regulars.profile.time_zones import in_use
from regulars.rules.grammar import Backfill
from regulars.simulation import dry_dispatch, ledger_queries
from regulars.simulation.instants import HOUR, on_calendar, rounded_up
from regulars.simulation.replay.arrivals import Arrivals
from regulars.simulation.replay.time_dependence import TimeDependence, time_dependence
from regulars.triggers.kinds import trigger_of

_DAY = timedelta(days=1)
_BEFORE = timedelta(microseconds=1)
_FEW_ROWS = 200
_MOST_ALARMS = 200
"""Alarms of guards that are kept."""
Progress = Callable[[datetime], None]

_PREPARED = (
    "CREATE INDEX simulation_settled ON promises (campaign, step, settled_at)",
    "CREATE TABLE cap_hits (promise_id INTEGER PRIMARY KEY)",
    f"""CREATE TRIGGER count_cap_hits AFTER UPDATE OF reason ON promises WHEN NEW.reason = '{Reason.CAP}'
        BEGIN INSERT OR IGNORE INTO cap_hits VALUES (NEW.id); END""",
)
"""Indexes for a ledger that is planned a thousand times, and the promises that a cap has ever held back."""


@dataclass(frozen=True, slots=True)
class GuardAlarm:
    """A guard would have stopped this campaign; the simulation goes on as if somebody had resumed it at once."""

    at: datetime
    campaign: str
    why: str


@dataclass
class Lived:
    """What living through the days came to."""

    plans: int = 0
    alarms: list[GuardAlarm] = field(default_factory=list)


class PastDays:
    """The days from `since` to `until` on a scratch database that `copy_history` has filled.

    The ledger of the scratch database is the result.
    """

    resumes = True
    """Whether a campaign that a guard stops is resumed at once."""

    def __init__(self, scratch: Engine, rules: Ruleset, since: datetime, until: datetime) -> None:
        self.engine, self.rules, self.since, self.until = scratch, rules, since, until
        self.lived = Lived()
        self._cache = StatementCache()
        self._made: Plan | None = None
        self._arrivals: Arrivals
        campaigns = [campaign for campaign in rules.rulebook.campaigns.values() if campaign.enabled]
        self._turns = {campaign.name: time_dependence(rules, campaign) for campaign in campaigns}
        self._hours_of_change: frozenset[int] = frozenset()
        self._arrived, self._turned = True, True
        self._upcoming: dict[str | None, datetime] = {}
        self._counted_at = 0

    def run(self, progress: Progress | None = None) -> Lived:
        """Runs all days; `progress` gets the instant after each plan."""
        with write(self.engine) as connection:
            self._begin(connection)
        moment: datetime | None = self.since
        while moment is not None:
            with write(self.engine) as connection:
                moment = self._run_instant(connection, moment)
            if progress is not None:
                progress(moment or self.until)
        return self.lived

    def _begin(self, connection: Connection) -> None:
        self._arrivals = Arrivals(connection)
        self._hours_of_change = self._change_hours()
        self._arrivals.begin(self.since)
        for statement in _PREPARED:
            connection.exec_driver_sql(statement)
        self._begin_states(connection)

    def _begin_states(self, connection: Connection) -> None:
        """Who is in a state that was watched before and cannot be found as a member any more is left alone."""
        context = plan_context(connection, self.rules, self.since)
        digest = self.rules.rulebook.trigger_digest
        rows = connection.exec_driver_sql('SELECT "key", "trigger" FROM campaigns')
        in_force = {str(key): str(trigger) for key, trigger in rows}
        for key, active in load_active_campaigns(connection, self.rules.rulebook).items():
            if active.planned_at is not None and in_force[key] == digest(active.campaign):
                campaign = active.campaign.model_copy(update={"backfill": Backfill("none")})
                anew = replace(active, campaign=campaign, planned_at=None)
                trigger_of(campaign).update(context, anew)

    # ---------------------------------------------------------------- one instant

    def _run_instant(self, connection: Connection, now: datetime) -> datetime | None:
        """Plans and sends at `now`; returns the next instant."""
        self._arrivals = self._arrivals.on(connection)
        self._arrived = self._arrivals.advance(now)
        unchanged = not self._arrived and not self._turned
        self._plan(connection, now, unchanged)
        self._send(connection, now)
        self._keep_statistics(connection)
        return self._after(connection, now)

    def _send(self, connection: Connection, now: datetime) -> None:
        dry_dispatch.send(connection, self.rules, now)

    def _keep_statistics(self, connection: Connection) -> None:
        """Counts the tables anew when the ledger has doubled: else SQLite chooses indexes as for empty ones."""
        rows = int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM promises").scalar_one())
        if rows > 2 * self._counted_at + _FEW_ROWS:
            connection.exec_driver_sql("ANALYZE")
            self._counted_at = rows

    def _plan(self, connection: Connection, now: datetime, unchanged: bool) -> None:
        self._made = self._planned(connection, now, unchanged)
        if self._made.alarms and not self.resumes:
            self._remember_alarms(now, self._made)
        while self._made.alarms and self.resumes:
            self._remember_alarms(now, self._made)
            for alarm in self._made.alarms:
                resume(connection, alarm.target, "simulation", now)
            self._made = self._planned(connection, now, unchanged)

    def _remember_alarms(self, now: datetime, made: Plan) -> None:
        for alarm in made.alarms[: _MOST_ALARMS - len(self.lived.alarms)]:
            name = made.active_campaigns[alarm.target.key].campaign.name
            self.lived.alarms.append(GuardAlarm(now, name, alarm.why))

    def _planned(self, connection: Connection, now: datetime, unchanged: bool) -> Plan:
        self.lived.plans += 1
        excluded = set()
        if self._made is not None:
            found = self._made.active_campaigns
            excluded = exhausted(self.rules.rulebook, now, found, self._arrivals.last_events)
            if not self._arrived:
                excluded |= self._idle(connection, self._made, now)
        return plan(
            connection, self.rules, now, excluded=excluded, cache=self._cache, resumed=self._made,
            states_unchanged=unchanged and self._made is not None,
        )  # fmt: skip

    def _idle(self, connection: Connection, before: Plan, now: datetime) -> set[str]:
        """The campaigns for which nothing has come since the plan before: no date, no wait, no turn.

        Nothing became known in between. What was due then is in the ledger.
        """
        book, zones = self.rules.rulebook, self._zones(connection)
        found = set()
        for key, active in before.active_campaigns.items():
            trigger = trigger_of(active.campaign)
            waited = key in self._upcoming and self._upcoming[key] <= now
            turned = self._turned and self._turns[active.campaign.name] is not TimeDependence.NEVER
            if not waited and not turned and not any(trigger.calendar_times(book, zones, before.now, now)):
                found.add(active.campaign.name)
        return found

    def _zones(self, connection: Connection) -> list[str]:
        return sorted({self.rules.rulebook.company.timezone, *in_use(connection)})

    # ---------------------------------------------------------------- the next instant

    def _after(self, connection: Connection, now: datetime) -> datetime | None:
        """The next instant at which a plan can differ; None after the last."""
        end = now + _DAY
        fixed, turns = self._fixed(connection, now, min(end, self.until))
        self._upcoming = ledger_queries.upcoming_by_campaign(connection, self.rules.rulebook, now, self._cache)
        arriving = self._arrivals.next_at()
        soon = [*self._upcoming.values(), *([arriving] if arriving is not None else [])]
        found = [*fixed[:1], *(rounded_up(moment, HOUR) for moment in soon)]
        following = min(found, default=end)
        following = min(following, end)  # a day without anything still ends
        self._turned = following in turns or following == end
        return following if following <= self.until else None

    def _fixed(self, connection: Connection, after: datetime, until: datetime) -> tuple[list[datetime], set[datetime]]:
        """The sending times and the instants at which a state can turn in (after, until], and the latter alone."""
        book = self.rules.rulebook
        zones = self._zones(connection)
        campaigns = [campaign for campaign in book.campaigns.values() if campaign.enabled]
        turns = {moment for moment in self._midnights(zones, after, until) if after < moment <= until}
        moment = rounded_up(after + _BEFORE, HOUR)
        while moment <= until:
            if moment.astimezone(UTC).hour in self._hours_of_change:
                turns.add(moment)
            moment += HOUR
        return sorted(turns | on_calendar(campaigns, book, zones, after, until)), turns

    def _midnights(self, zones: list[str], after: datetime, until: datetime) -> set[datetime]:
        if not self._hours_of_change:
            return set()
        found = set()
        for zone in zones:
            day = local_date(after, zone)
            while day <= local_date(until, zone):
                found.add(rounded_up(instant(datetime.combine(day, time()), zone), HOUR))
                day += _DAY
        return found

    def _change_hours(self) -> frozenset[int]:
        """The full UTC hours at which a condition can turn by time alone."""
        most = max(self._turns.values(), default=TimeDependence.NEVER)
        if most is not TimeDependence.WITH_DAYS:
            return frozenset(range(24)) if most is TimeDependence.AT_ANY_HOUR else frozenset()
        created = any("created_at" in condition.fields for condition in self.rules.conditions.values())
        return self._arrivals.hours_of_day(with_creation=created)
