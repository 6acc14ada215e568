"""The parts of one process, and its operations: plan, dispatch, tick.

The caller passes in the business clock and the wall clock: the first may be fixed to a given day, the second is for
what people read. Leases and rates use the database's clock, turns a monotonic one.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import uvloop
from sqlalchemy import Connection, Engine

from regulars.consent.signups import purge
from regulars.context.statement_cache import StatementCache
from regulars.core.clock import Clock
from regulars.core.settings import Settings
from regulars.db import engine as db
from regulars.db.locks import AdvisoryLock, Busy, holder, lock
from regulars.dispatch.dispatcher import Dispatcher, Options, Summary
from regulars.feedback.effects import settle_waiting
from regulars.ledger.claims import waiting
from regulars.ledger.lane_states import free_retries
from regulars.ledger.worker_activity import Tally
from regulars.operation import applied_versions
from regulars.operation.activity_log import ActivityLog
from regulars.operation.applied_versions import MANUAL
from regulars.operation.clock_check import ClockCheck
from regulars.operation.goal_watch import add_goals_reached
from regulars.operation.guard_watch import log_alarms, watch
from regulars.operation.index_upkeep import IndexUpkeep
from regulars.operation.lanes import lane_kinds, open_lanes
from regulars.operation.last_sound_rules import Fault, RulesInForce
from regulars.operation.notifier import Notifier
from regulars.operation.outage_log import OutageLog
from regulars.operation.provider_lookup import ProviderLookup
from regulars.operation.server_outage_log import ServerOutageLog
from regulars.operation.write_check import WriteCheck
from regulars.outbound.webhook_delivery import Deliveries
from regulars.planner import turn_indexes
from regulars.planner.nightly_audit import audit, audit_due
from regulars.planner.plan import Plan, plan
from regulars.rules.delivery_rules import Delivery
from regulars.rules.model import Kind
from regulars.workspace.folder import Workspace

TURN_OF_TICK = timedelta(seconds=30)
"""How long `tick` tells other programs, at most."""


_MOST_KEPT = 400
"""Statements of plans; each is needed once for every set of time zones that have another date than the company."""
_WAIT, _WORKER_WAIT = 60.0, 5.0
"""Seconds for which a command, and a worker, wait while another process plans."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """The result of one tick."""

    plan: Plan
    summary: Summary


class Runtime:
    """The open resources of one process."""

    def __init__(self, settings: Settings, engine: Engine, wall: Clock) -> None:
        self.settings, self.engine, self.wall = settings, engine, wall
        self._delivery = Delivery()
        self._lanes = open_lanes(settings)
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._in_force = RulesInForce(settings.workspace, engine, wall)
        self._outages = OutageLog(engine, self._lanes, wall)
        self._server_outages = ServerOutageLog(engine, self._lanes, wall)
        self._clocks = ClockCheck(engine, wall, worker_name())
        self._providers = ProviderLookup(engine, settings.dns)
        self._activity = ActivityLog(engine, worker_name())
        service = next(lane for lane in self._lanes if Kind.TRANSACTIONAL in lane.kinds)
        self._notifier = Notifier(engine, settings, service.transport, wall)
        self._writes: WriteCheck | None = None
        self._indexes = IndexUpkeep(engine)
        self._kept: tuple[Workspace, StatementCache] | None = None

    def probe_writes(self) -> None:
        """From now on tests every few seconds whether the database can be written, as a worker does, until `close`."""
        self._writes = WriteCheck(self.engine)

    def _look(self) -> None:
        self._clocks.look()
        if self._writes is not None:
            self._writes.look()

    @property
    def rules(self) -> Workspace:
        """The rules and emails in force: the applied version, or those on disk, or the last valid ones.

        Raises Invalid for faulty files when no valid version is known, UnsoundVersion for an applied version that is
        not valid for this release.
        """
        return self._in_force.current()

    @property
    def fault(self) -> Fault | None:
        """The faults of the files at the last access to the rules, if another version is in force instead."""
        return self._in_force.fault

    @property
    def draft(self) -> str | None:
        """How the files on disk differ from the version that a person applied; information, no fault."""
        return self._in_force.draft

    def plan(self, clock: Clock, *, full: bool = False) -> Plan:
        """Plans in one transaction, which also deletes sign-ups not confirmed in time and settles early bounces.

        Asks those clients who can have become due; everybody where that is not known, with `full`, and once a night.
        """
        self._look()
        begun = time.monotonic()
        while True:
            rules, now = self.rules, clock()
            with self._planner() as connection:
                if not self._is_current(connection):
                    continue
                purge(connection, now, rules.rulebook.signup)
                settle_waiting(connection)
                alarms = watch(connection, rules.rulebook, lane_kinds(self.settings, rules.rulebook.delivery), now)
                made = plan(connection, rules, now, incremental=True, cache=self._statements(rules))
                if full or (made.asked is not None and audit_due(connection, now, rules.rulebook.company.timezone)):
                    audit(connection, rules, now)
                if rules.rulebook.notify:
                    add_goals_reached(connection, rules.rulebook, made.active_campaigns, now)
            self._providers.refresh(rules.rulebook.delivery.domain_rates)
            if made.asked is None:
                keys = {one.campaign.name: key for key, one in made.active_campaigns.items()}
                self._indexes.want(turn_indexes.needed(rules, keys))
            log_alarms([*alarms, *made.alarms], {key: one.campaign.name for key, one in made.active_campaigns.items()})
            self._activity.planned(time.monotonic() - begun)
            return made

    def _statements(self, rules: Workspace) -> StatementCache:
        """The statements of plans by these rules, kept from plan to plan: making them costs more than they do."""
        if self._kept is None or self._kept[0] is not rules or len(self._kept[1]) > _MOST_KEPT:
            self._kept = (rules, StatementCache())
        return self._kept[1]

    @contextmanager
    def _planner(self) -> Iterator[Connection]:
        """The transaction of a plan; raises Busy where another one does not end.

        A worker waits shortly, so that its other work, dispatch above all, never stands behind another machine's plan.
        """
        with db.write(self.engine) as connection:
            try:
                lock(connection, AdvisoryLock.PLAN, _WORKER_WAIT if self._writes is not None else _WAIT)
            except Busy as error:
                with db.read(self.engine) as other:
                    found = holder(other, AdvisoryLock.PLAN)
                since = "" if found is None else f" for {found.seconds:,.0f} s, from {found.address}"
                raise Busy(f"another process has been planning{since}") from error
            yield connection

    def _is_current(self, connection: Connection) -> bool:
        """Whether nobody applied another version while this process waited for its turn to plan.

        An older rule must not come into force again, even for one plan: its campaigns would begin anew.
        """
        ours = self._in_force.applied
        if ours is None or ours.mode != MANUAL:
            return True
        found = applied_versions.in_force(connection)
        return found is not None and found.number == ours.number

    def waiting(self, now: datetime) -> bool:
        """Whether anything can be sent now."""
        with db.read(self.engine) as connection:
            return waiting(connection, list(Kind), now)

    def dispatch(
        self,
        clock: Clock,
        *,
        turn: timedelta | None = None,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] | None = None,
        probe_idle: bool = False,
    ) -> Summary:
        """Sends planned promises until none is left, `turn` is over or `stop` is true; finishes the current chunk.

        With `probe_idle` it also tests mail servers that have not been used for half a minute. A version applied
        meanwhile is taken up before the next chunk.
        """
        self._look()
        options = Options(
            web_url=self.settings.web_url,
            secret=self.settings.secret,
            address_secret=self.settings.address_secret,
            worker=worker_name(),
            batch=self.settings.batch,
            chunk=self.settings.chunk,
            lease=timedelta(seconds=self.settings.lease_seconds),
        )
        # Not by a clock that can be set: an hour back, and a turn would last an hour.
        end = None if turn is None else time.monotonic() + turn.total_seconds()

        def over() -> bool:
            if self._writes is not None:
                self._writes.look()  # a turn is longer than a probe may be old
            return stop() or (end is not None and time.monotonic() >= end)

        async def run() -> Summary:
            whole = Summary()
            while True:
                await self._use_servers(self.rules.rulebook.delivery)
                dispatcher = Dispatcher(self.engine, self.rules, self._lanes, options, clock=clock, wall=self.wall)
                await self._until_replaced(dispatcher, whole, over, progress)
                if over() or not self._in_force.replaced():
                    break
            whole.down.update(await self._outages.follow(whole.down, whole.reached, probe_idle=probe_idle))
            await self._server_outages.follow()
            return whole

        begun = time.monotonic()
        summary = self._runner.run(run())
        self._activity.dispatched(summary.states, summary.delivered, time.monotonic() - begun)
        if summary.sent:
            self._in_force.note_sent(self.wall())
        return summary

    async def _use_servers(self, delivery: Delivery) -> None:
        """Opens the lanes anew where the rules in force name other servers than before."""
        if delivery == self._delivery:
            return
        lanes = open_lanes(self.settings, delivery)
        for lane in self._lanes:
            await lane.transport.close()
        self._delivery, self._lanes = delivery, lanes
        self._outages = OutageLog(self.engine, lanes, self.wall)
        self._server_outages = ServerOutageLog(self.engine, lanes, self.wall)

    async def _until_replaced(
        self, dispatcher: Dispatcher, whole: Summary, over: Callable[[], bool], progress: Callable[[int], None] | None
    ) -> None:
        """Sends by the version in force, until another is; adds to the summary."""
        before = whole.sent
        further = None if progress is None else (lambda sent: progress(before + sent))
        part = await dispatcher.run(lambda: over() or self._in_force.replaced(), further)
        whole.states.update(part.states)
        whole.down.update(part.down)
        whole.reached.update(part.reached)
        whole.full.update(part.full)
        for lane, tally in part.delivered.items():
            whole.delivered[lane] = whole.delivered.get(lane, Tally()) + tally

    def free_retries(self, now: datetime) -> int:
        """Makes emails that wait for a retry due for a plan at `now`; returns their number."""
        with db.write(self.engine) as connection:
            return free_retries(connection, list(Kind), now)

    def notify(self, turn: timedelta | None = None, stop: Callable[[], bool] = lambda: False) -> Deliveries:
        """Tells other programs and the operator what there is to tell, until nothing is left or `turn` is over."""
        rules = self.rules
        fault = None if self.fault is None else str(self.fault)
        end = None if turn is None else self.wall() + turn

        def over() -> bool:
            return stop() or (end is not None and self.wall() >= end)

        return self._runner.run(self._notifier.run(rules.rulebook, fault, over))

    def tick(self, clock: Clock, *, full: bool = False) -> Ticked:
        """One plan and one dispatch until nothing is left; then others are told, unless it plays another day."""
        done = Ticked(self.plan(clock, full=full), self.dispatch(clock))
        if clock is self.wall:
            self.notify(TURN_OF_TICK)
        return done

    def close(self) -> None:
        """Closes the mail sessions with QUIT, and everything else."""
        for lane in self._lanes:
            self._runner.run(lane.transport.close())
        self._runner.close()
        self._in_force.close()
        self._clocks.close()
        self._activity.close()
        self._indexes.close()
        if self._writes is not None:
            self._writes.close()
        self.engine.dispose()


def worker_name() -> str:
    """This process, for others to read."""
    return f"{socket.gethostname()}:{os.getpid()}"


def tune_garbage_collector() -> None:
    """For worker processes: excludes the objects existing now from garbage collection.

    A batch is some thousand objects that are freed together; an occasional search for cycles is enough.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
