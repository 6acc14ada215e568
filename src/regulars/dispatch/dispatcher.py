"""The dispatch loop: claim a batch, check again, render, send chunk by chunk, settle each with its own outcome.

Per batch, in this order, which guarantees that nothing is lost or sent twice:

1. one transaction: claim rows, confirm that they can still be sent, load their data, assign coupons;
2. render a chunk; emails that fail to render are held with the reason;
3. for each chunk, one transaction settles the chunk before and records in the claim that this one is being sent; then
   it is sent, while the next is rendered;
4. one transaction settles the last chunk and releases rows not begun.

What is paused is not claimed; what is paused later does not begin: its rows are released in 4, without an attempt.

A process that dies before 3 leaves rows that others take over; during 3, at most one chunk is uncertain.
If the database is lost in 3 or 4, the process waits for it and then writes the server's outcomes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine

from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import Ruleset, plan_context
from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.core.log_format import log_promises
from regulars.coupons.stock import hold_or_skip_unassigned
from regulars.db import engine as db
from regulars.db.states import Reason, State
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.transport import Delivery, Outage
from regulars.dispatch.allowance import Allowance, allowance
from regulars.dispatch.claiming import Idle, Taken, take
from regulars.dispatch.client_answers import ClientQuestions
from regulars.dispatch.compose import ComposeRules, compose, copy
from regulars.dispatch.lane import Lane
from regulars.dispatch.load import Job, attach_coupons, load
from regulars.dispatch.manager_copy import is_copied, with_copies, withhold_copies
from regulars.dispatch.outcome import log_chunk, settle_jobs, settlement
from regulars.dispatch.pace import Pace
from regulars.dispatch.recovery import recover_claims
from regulars.eligibility.examine import examine_claimed
from regulars.eligibility.guards import Alarm, counts_outcomes, guard_outcomes
from regulars.ledger import domain_limits
from regulars.ledger.claims import Claim, begin, release, renew, waiting
from regulars.ledger.domain_claims import claim_within_limits
from regulars.ledger.sent_copies import SentCopy, save_copies
from regulars.ledger.settle import Settlement
from regulars.ledger.switches import Scope, Target, pauses
from regulars.ledger.tallies import Outcomes
from regulars.ledger.worker_activity import Tally

_LOG = logging.getLogger(__name__)
RENDER_PAUSE = timedelta(minutes=15)
"""When rendering is retried; somebody may correct the template in between."""
THROTTLE_PAUSE = 0.5
"""Seconds to wait for a provider's rate; less than the second's worth that its bucket holds."""
EMAILS_PER_TURN = 8
"""Emails rendered in one go while others are being sent: few, so that no connection waits long for the next."""
LOCK_SECONDS = 20.0
"""How long a transaction waits for another, a plan of a machine that was cut off, before it is tried again."""
DATABASE_PAUSES = (0.1, 0.3, 1.0, 3.0, 5.0, 10.0, 10.0)
"""Seconds between attempts to write outcomes while the database is unreachable."""

_T = TypeVar("_T")


class Rules(Ruleset, ComposeRules, Protocol):
    """The part of a workspace that dispatch needs: conditions for the second check, templates to render."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of dispatch."""

    web_url: str
    secret: bytes = field(repr=False)
    address_secret: bytes = field(default=b"", repr=False)
    """Of the hashes of addresses."""
    worker: str = "worker"
    batch: int = 1000
    chunk: int = 100
    lease: timedelta = timedelta(seconds=60)


@dataclass
class Summary:
    """The number of promises by state in one run, and the outages by lane.

    `reached` has the wall time at which a lane's server last accepted a chunk without an outage; `delivered` by lane
    the emails handed to it, and the time until all their replies. `full` says why a lane sends no more today.
    """

    states: Counter[str] = field(default_factory=Counter)
    down: dict[str, Outage] = field(default_factory=dict)
    reached: dict[str, datetime] = field(default_factory=dict)
    delivered: dict[str, Tally] = field(default_factory=dict)
    full: dict[str, str] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether promises wait because of an outage, or for another day of a server's warm-up."""
        return bool(self.down or self.full)

    def count(self, outcomes: Iterable[Settlement]) -> None:
        """Adds settled promises."""
        self.states.update(outcome.state for outcome in outcomes)

    @property
    def sent(self) -> int:
        """Messages the server accepted."""
        return self.states[State.SENT]


@dataclass(slots=True)
class _Batch:
    claim: Claim
    jobs: dict[int, Job]
    now: datetime
    allowance: Allowance
    outcomes: dict[str, Outcomes] = field(default_factory=dict)
    """What came of its emails, by campaign."""
    stopped: bool = False
    """Whether everything in it was paused meanwhile."""

    def count(self, settled: Iterable[Settlement]) -> None:
        """Adds settlements to the outcomes of their campaigns."""
        for one in settled:
            self.outcomes.setdefault(self.jobs[one.id].key, Outcomes()).add(one)


@dataclass(slots=True)
class _Ready:
    """What sending needs of a rendered email; its texts are freed, so that the next one reuses their memory."""

    parcel: Parcel
    message_id: str
    template: str
    data: str
    copy: SentCopy | None
    for_manager: Parcel | None


@dataclass(slots=True)
class _Chunk:
    """Emails rendered to be sent together, and those that failed to render."""

    made: list[_Ready] = field(default_factory=list)
    broken: list[Settlement] = field(default_factory=list)


class Dispatcher:
    """Sends planned promises, until none is left or it is stopped."""

    def __init__(
        self, engine: Engine, rules: Rules, lanes: Sequence[Lane], options: Options, *, clock: Clock, wall: Clock
    ) -> None:
        self.engine, self.rules, self.lanes, self.options = engine, rules, lanes, options
        self._questions = ClientQuestions(rules)
        self.clock, self.wall = clock, wall
        self._pace = Pace(options.batch, options.chunk)
        self._guarded = counts_outcomes(rules.rulebook)
        self._domain_limits = rules.rulebook.delivery.domain_rates

    async def run(
        self, stop: Callable[[], bool] = lambda: False, progress: Callable[[int], None] | None = None
    ) -> Summary:
        """Recovers rows of dead workers, then sends planned promises; returns the summary.

        It waits for a lane whose rate is used up. `stop` is called before every chunk.
        """
        summary = Summary()
        recover_claims(self.engine, self.rules.rulebook, self.clock())
        if self._domain_limits:
            with db.write(self.engine, LOCK_SECONDS) as connection:
                domain_limits.put_in_force(connection, self._domain_limits)
        while not stop():
            found = await self._round(summary, stop)
            if found is Idle.NOTHING:
                break
            if found is Idle.THROTTLED:
                await asyncio.sleep(THROTTLE_PAUSE)
            elif progress is not None:
                progress(summary.sent)
        summary.delivered = self._pace.delivered
        return summary

    async def _round(self, summary: Summary, stop: Callable[[], bool]) -> Idle | None:
        """Sends one batch, of the first lane that has one, so that urgent email never queues behind the rest."""
        idle = Idle.NOTHING
        for lane in self.lanes:
            if lane.name not in summary.down:
                batch = self._take(lane, summary)
                if isinstance(batch, _Batch):
                    log_promises(_LOG, "claimed", batch.claim.rows, lane=lane.name, claim=batch.claim.id)
                    begun = self.wall()
                    await self._send(lane, batch, summary, stop)
                    self._pace.batch_took(lane.name, len(batch.jobs), self.wall() - begun)
                    return None
                idle = max(idle, batch)
        return idle

    def _take(self, lane: Lane, summary: Summary) -> _Batch | Idle:
        if self._domain_limits:  # in a transaction of its own: other workers' claims wait for the limits until its end
            with db.write(self.engine, LOCK_SECONDS) as connection:
                taken = self._claim(connection, lane, summary)
            if not isinstance(taken, Taken):
                return taken
            with db.write(self.engine, LOCK_SECONDS) as connection:
                return self._load(connection, taken, summary)
        with db.write(self.engine, LOCK_SECONDS) as connection:
            taken = self._claim(connection, lane, summary)
            return self._load(connection, taken, summary) if isinstance(taken, Taken) else taken

    def _claim(self, connection: Connection, lane: Lane, summary: Summary) -> Taken | Idle:
        allowed = allowance(
            connection, lane, self._pace.batch(lane.name), self.clock(), self.rules.rulebook.company.timezone
        )
        if allowed.waits and waiting(connection, lane.kinds, allowed.now):
            summary.full[lane.name] = allowed.waits
        within = claim_within_limits if self._domain_limits else None
        return take(connection, lane, allowed, self.options.lease, self.options.worker, within)

    def _load(self, connection: Connection, taken: Taken, summary: Summary) -> _Batch:
        """Examines what was claimed again, and loads what its emails need."""
        now, rows = taken.now, taken.claim.rows
        active_campaigns = load_active_campaigns(connection, self.rules.rulebook)
        context = plan_context(connection, self.rules, now, brief=True)
        ids = examine_claimed(connection, context, active_campaigns, taken.claim)
        jobs = load(connection, context, active_campaigns, ids, self.rules.templates.reads, taken.claim.steps)
        withhold_copies(connection, jobs, self.options.address_secret)
        self._questions.answer(context, jobs)
        zone = self.rules.rulebook.company.timezone
        lacking = attach_coupons(connection, jobs, now, zone, self.rules.templates.shows_coupon)
        hold_or_skip_unassigned(connection, lacking, now)
        found = {job.id: job for job in jobs if job.id not in lacking}
        summary.states["withheld"] += len(rows) - len(found)
        taken.allowance.spend(connection, len(found) + sum(map(is_copied, found.values())))
        domain_limits.give_back(connection, Counter(taken.labels[row] for row in taken.labels if row not in found))
        return _Batch(taken.claim, found, now, taken.allowance)

    async def _compose(self, batch: _Batch, jobs: Iterable[Job]) -> _Chunk:
        """Renders the emails of these jobs; yields to the event loop after every few, so that sending continues."""
        chunk = _Chunk()
        for number, job in enumerate(jobs):
            if number % EMAILS_PER_TURN == 0:
                await asyncio.sleep(0)
            try:
                chunk.made.append(self._ready(job, batch.now))
            except Exception as error:  # noqa: BLE001 - whatever one email is made of, the others go
                chunk.broken.append(
                    Settlement(
                        job.id, State.HELD, Reason.RENDER_ERROR, str(error)[:500],
                        next_at=batch.now + RENDER_PAUSE,
                    )
                )  # fmt: skip
        return chunk

    def _ready(self, job: Job, now: datetime) -> _Ready:
        made = compose(job, self.rules, now, self.options.web_url, self.options.secret)
        # Only emails with a page are stored whole; of others the ledger has the data and the template.
        asked = made.linked or made.targets
        kept = copy(made, self.options.secret) if asked else None
        return _Ready(made.parcel, made.message_id, made.rendered.digest, made.data, kept, made.for_manager)

    async def _send(self, lane: Lane, batch: _Batch, summary: Summary, stop: Callable[[], bool]) -> None:
        outcomes: list[Settlement] = []
        jobs = iter(batch.jobs.values())
        if lane.pool is not None:
            lane.pool.budget = batch.allowance.budget
        # While one chunk is sent, the next is rendered. One chunk at a time: the texts of a whole batch would not stay
        # in the processor's cache until they are sent.
        chunk = await self._compose(batch, islice(jobs, self._pace.chunk(lane.name)))
        while (chunk.made or chunk.broken) and not stop() and not batch.stopped:
            outcomes += chunk.broken
            ours = await self._write(partial(self._next, batch, outcomes, chunk.made))
            log_chunk(lane.name, outcomes, ours)
            summary.count(outcomes)
            if self._guarded:
                batch.count(outcomes)
            going = {made.parcel.key: made for made in chunk.made if made.parcel.key in ours}
            delivery, chunk = await asyncio.gather(
                self._deliver(lane, batch.claim, going),
                self._compose(batch, islice(jobs, self._pace.chunk(lane.name))),
            )
            outcomes = self._outcomes(batch.jobs, going, delivery.results)
            if delivery.outage is not None:
                summary.down[lane.name] = delivery.outage  # the rest waits for the next wake-up
                break
            if going:
                summary.reached[lane.name] = self.wall()
        if self._guarded:
            batch.count(outcomes)
        for alarm in await self._write(partial(self._last, lane, batch, outcomes)):
            _LOG.warning("a guard has paused %s: %s; `regulars pauses` tells more", alarm.target.words(), alarm.why)
        log_chunk(lane.name, outcomes)
        summary.count(outcomes)

    def _next(
        self, batch: _Batch, outcomes: Sequence[Settlement], chunk: Sequence[_Ready], connection: Connection
    ) -> frozenset[int]:
        keys = [made.parcel.key for made in chunk]
        begun = begin(connection, batch.claim, keys, lease=self.options.lease)
        ours = begun.ours
        if begun.newest_pause != batch.claim.newest_pause:
            ours = self._without_paused(connection, batch, ours)
        self._settle(connection, batch, outcomes, begun.held)
        copies = [made.copy for made in chunk if made.copy is not None and made.parcel.key in ours]
        save_copies(connection, copies)
        return ours

    def _without_paused(self, connection: Connection, batch: _Batch, ours: frozenset[int]) -> frozenset[int]:
        """The rows of a chunk that are not paused; only these are recorded as being sent."""
        paused = pauses(connection)
        jobs = ((key, batch.jobs[key]) for key in ours)
        going = frozenset(key for key, job in jobs if paused.of(job.key, job.campaign.kind) is None)
        if len(going) < len(ours):
            renew(connection, batch.claim, lease=self.options.lease, sending=sorted(going))
        batch.stopped = not paused.open_kinds({job.campaign.kind for job in batch.jobs.values()})
        return going

    def _last(
        self, lane: Lane, batch: _Batch, outcomes: Sequence[Settlement], connection: Connection
    ) -> Sequence[Alarm]:
        held = renew(connection, batch.claim, lease=self.options.lease)
        self._settle(connection, batch, outcomes, held)
        batch.allowance.give_back(connection)
        release(connection, batch.claim.id)
        if not self._guarded:
            return ()
        campaigns = {job.key: job.campaign for job in batch.jobs.values()}
        target = Target(Scope.LANE, lane.name, lane.kinds)
        policy = self.rules.rulebook.policy
        return guard_outcomes(connection, policy, target, batch.outcomes, campaigns, self.clock())

    async def _write(self, work: Callable[[Connection], _T]) -> _T:
        """One transaction, retried while the database is unreachable: the server's outcomes must not be lost."""
        for pause in DATABASE_PAUSES:
            try:
                with db.write(self.engine, LOCK_SECONDS) as connection:
                    return work(connection)
            except EnvironmentFailed:
                await asyncio.sleep(pause)
        with db.write(self.engine, LOCK_SECONDS) as connection:
            return work(connection)

    async def _deliver(self, lane: Lane, held: Claim, going: Mapping[int, _Ready]) -> Delivery:
        """Delivers one chunk, and renews the lease meanwhile, however slow the server is.

        Copies for managers go after it, those of emails that were accepted.
        """
        renewal, begun = asyncio.create_task(self._keep_lease(held)), self.wall()
        try:
            delivery = await lane.transport.deliver([made.parcel for made in going.values()])
            self._pace.chunk_took(lane.name, len(going), self.wall() - begun)
            copied = {key: made.for_manager for key, made in going.items() if made.for_manager is not None}
            if copied:
                accepted = [one.key for one in delivery.results if one.outcome is Outcome.ACCEPTED]
                copies = [copied[key] for key in accepted if key in copied]
                if copies:
                    delivery = with_copies(delivery, copies, await lane.transport.deliver(copies))
            return delivery
        finally:
            renewal.cancel()

    async def _keep_lease(self, held: Claim) -> None:
        while True:
            await asyncio.sleep(self.options.lease.total_seconds() / 3)
            with suppress(EnvironmentFailed), db.write(self.engine, LOCK_SECONDS) as connection:
                renew(connection, held, lease=self.options.lease)

    def _outcomes(
        self, jobs: Mapping[int, Job], going: Mapping[int, _Ready], results: Sequence[Result]
    ) -> list[Settlement]:
        now, resend = self.clock(), self.rules.rulebook.policy.uncertain == "resend"
        return [
            settlement(
                result, jobs[result.key].attempts, now, resend=resend, message_id=made.message_id,
                template=made.template, data=made.data,
            )
            for result in results
            for made in (going[result.key],)
        ]  # fmt: skip

    def _settle(
        self, connection: Connection, batch: _Batch, outcomes: Sequence[Settlement], held: Collection[int]
    ) -> None:
        settle_jobs(connection, batch.claim.id, batch.jobs, outcomes, self.clock(), held, self.rules.rulebook.notify)
