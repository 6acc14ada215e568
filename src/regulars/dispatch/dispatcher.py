"""The dispatch loop: claim a batch, look once more, render, send chunk by chunk, settle each on its own outcome.

Per batch, in this order, because the order is what keeps every promise:

1. one transaction: claim rows, confirm that they still may go, load what they speak of, give coupons;
2. render a chunk; what cannot be rendered is held with the reason;
3. for each chunk, one transaction settles the chunk before and notes in the claim that this one is sent; then it goes,
   and meanwhile the next is rendered;
4. one transaction settles the last chunk and gives back what was not begun.

A process that dies before 3 leaves rows that others take over; during 3, at most one chunk is uncertain.
A database that goes away in 3 or 4 is waited for: what the server said is known, and is written down.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine

from regulars.consent.rights import suppress_customer
from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import Ruleset, plan_context
from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.coupons.stock import withhold
from regulars.db import engine as db
from regulars.db.states import Reason, State
from regulars.delivery.parcel import Parcel, Result
from regulars.delivery.transport import Delivery, Outage, Transport
from regulars.dispatch.compose import ComposeRules, company_mailbox, compose, copy
from regulars.dispatch.load import Job, attach_coupons, load
from regulars.dispatch.outcome import settlement
from regulars.eligibility.examine import examine_claimed
from regulars.ledger import token_bucket
from regulars.ledger.claims import Claim, begin, claim, recover, release, renew, waiting
from regulars.ledger.sent_copies import SentCopy, save_copies
from regulars.ledger.settle import Settlement, settle

RENDER_PAUSE = timedelta(minutes=15)
"""When a promise that could not be rendered is tried again; somebody mends a template in between."""
THROTTLE_PAUSE = 0.5
"""Seconds to wait for a provider's rate; less than the second's worth that its bucket holds."""
EMAILS_PER_TURN = 8
"""Emails made in one go while others are being sent: few enough that no connection waits long for the next."""
FIRST_BATCH = 500
QUICK_BATCH, SLOW_BATCH = timedelta(seconds=0.5), timedelta(seconds=2)
"""A batch that went faster is followed by one twice as large, one that took longer by one half as large."""
DATABASE_PAUSES = (0.1, 0.3, 1.0, 3.0, 5.0, 10.0, 10.0)
"""Seconds between attempts to write down what the server has said, while the database is away."""

_T = TypeVar("_T")


class Rules(Ruleset, ComposeRules, Protocol):
    """What dispatch needs of a workspace: conditions to look once more, templates to render."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Kinds of email that go by one transport."""

    name: str
    kinds: frozenset[str]
    transport: Transport


@dataclass(frozen=True, slots=True)
class Options:
    """Where and how dispatch works."""

    web_url: str
    secret: bytes = field(repr=False)
    worker: str = "worker"
    batch: int = 1000
    chunk: int = 100
    lease: timedelta = timedelta(seconds=60)


@dataclass
class Summary:
    """How many promises came to each state in one run, and why a lane's server took nothing more."""

    states: Counter[str] = field(default_factory=Counter)
    down: dict[str, Outage] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether something waits because a server is away."""
        return bool(self.down)

    def count(self, outcomes: Iterable[Settlement]) -> None:
        """Adds what has been written down."""
        self.states.update(outcome.state for outcome in outcomes)

    @property
    def sent(self) -> int:
        """Messages the server accepted."""
        return self.states[State.SENT]


class _Idle(IntEnum):
    NOTHING = 0
    THROTTLED = 1


@dataclass(slots=True)
class _Batch:
    claim: Claim
    jobs: dict[int, Job]
    now: datetime


@dataclass(slots=True)
class _Ready:
    """What is left of an email that is ready to go: its texts are let go, so that the next one gets their memory."""

    parcel: Parcel
    message_id: str
    template: str
    data: str
    copy: SentCopy | None


@dataclass(slots=True)
class _Chunk:
    """Emails made to be sent together, and those that could not be made."""

    made: list[_Ready] = field(default_factory=list)
    broken: list[Settlement] = field(default_factory=list)


class Dispatcher:
    """Sends what is planned, until nothing is left or it is told to stop."""

    def __init__(
        self, engine: Engine, rules: Rules, lanes: Sequence[Lane], options: Options, *, clock: Clock, wall: Clock
    ) -> None:
        self.engine, self.rules, self.lanes, self.options = engine, rules, lanes, options
        self.clock, self.wall = clock, wall
        self._sizes: dict[str, int] = {}

    async def run(
        self, stop: Callable[[], bool] = lambda: False, progress: Callable[[int], None] | None = None
    ) -> Summary:
        """Recovers what dead workers left, then works through the ledger; gives what came of it.

        A lane whose rate is used up is waited for. `stop` is asked before every chunk.
        """
        summary = Summary()
        rulebook = self.rules.rulebook
        resend, domain = (
            rulebook.policy.uncertain == "resend",
            company_mailbox(rulebook.company.sender).address.rpartition("@")[2],
        )
        with db.write(self.engine) as connection:
            recover(connection, now=self.clock(), wall=self.wall(), resend=resend, domain=domain)
        while not stop():
            found = await self._round(summary, stop)
            if found is _Idle.NOTHING:
                break
            if found is _Idle.THROTTLED:
                await asyncio.sleep(THROTTLE_PAUSE)
            elif progress is not None:
                progress(summary.sent)
        return summary

    async def _round(self, summary: Summary, stop: Callable[[], bool]) -> _Idle | None:
        """Sends one batch, of the first lane that has one: what is urgent never queues behind the rest."""
        idle = _Idle.NOTHING
        for lane in self.lanes:
            if lane.name not in summary.down:
                batch = self._take(lane, summary)
                if isinstance(batch, _Batch):
                    begun = self.wall()
                    await self._send(lane, batch, summary, stop)
                    self._size(lane, len(batch.jobs), self.wall() - begun)
                    return None
                idle = max(idle, batch)
        return idle

    def _limit(self, lane: Lane) -> int:
        return min(self._sizes.get(lane.name, FIRST_BATCH), self.options.batch)

    def _size(self, lane: Lane, sent: int, took: timedelta) -> None:
        """Large batches cost less, and small ones let what is urgent pass: as large as can go in a second or so."""
        limit = self._limit(lane)
        if took > SLOW_BATCH:
            limit = max(limit // 2, self.options.chunk)
        elif took < QUICK_BATCH and sent == limit:
            limit *= 2
        self._sizes[lane.name] = limit

    def _take(self, lane: Lane, summary: Summary) -> _Batch | _Idle:
        options, now, wall = self.options, self.clock(), self.wall()
        with db.write(self.engine) as connection:
            limit = self._limit(lane)
            rate = lane.transport.rate
            if rate is not None:
                tokens = token_bucket.available(connection, lane.name, rate=rate, burst=max(rate, 1.0))
                limit = min(limit, int(tokens))
                if limit < 1:
                    return _Idle.THROTTLED if waiting(connection, lane.kinds, now) else _Idle.NOTHING
            taken = claim(
                connection, kinds=lane.kinds, limit=limit, now=now, wall=wall, lease=options.lease,
                worker=options.worker,
            )  # fmt: skip
            if not taken:
                return _Idle.NOTHING
            active_campaigns = load_active_campaigns(connection, self.rules.rulebook)
            context = plan_context(connection, self.rules, now, brief=True)
            ids = examine_claimed(connection, context, active_campaigns, taken)
            jobs = load(connection, context, active_campaigns, ids, self.rules.templates.reads, taken.steps)
            zone = self.rules.rulebook.company.timezone
            lacking = attach_coupons(connection, jobs, now, zone, self.rules.templates.shows_coupon)
            withhold(connection, lacking, now)
            jobs = [job for job in jobs if job.id not in lacking]
            summary.states["withheld"] += len(taken.rows) - len(jobs)
            if rate is not None:
                token_bucket.spend(connection, lane.name, len(jobs))
        return _Batch(taken, {job.id: job for job in jobs}, now)

    async def _compose(self, batch: _Batch, jobs: Iterable[Job]) -> _Chunk:
        """The emails of these jobs. Whoever is sending meanwhile gets a turn after every few of them."""
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
                        next_at=batch.now + RENDER_PAUSE, attempted=False,
                    )
                )  # fmt: skip
        return chunk

    def _ready(self, job: Job, now: datetime) -> _Ready:
        made = compose(job, self.rules, now, self.options.web_url, self.options.secret)
        # Only what a page can be asked for is kept whole; of the rest the ledger has the data and the template.
        asked = made.linked or made.targets
        kept = copy(made, self.options.secret) if asked else None
        return _Ready(made.parcel, made.message_id, made.rendered.digest, made.data, kept)

    async def _send(self, lane: Lane, batch: _Batch, summary: Summary, stop: Callable[[], bool]) -> None:
        outcomes: list[Settlement] = []
        jobs = iter(batch.jobs.values())
        # While one chunk is sent, the next is made. A chunk at a time: the whole batch's texts would not stay in the
        # processor's cache until they are sent.
        chunk = await self._compose(batch, islice(jobs, self.options.chunk))
        while (chunk.made or chunk.broken) and not stop():
            outcomes += chunk.broken
            ours = await self._write(partial(self._next, batch, outcomes, chunk.made))
            summary.count(outcomes)
            going = {made.parcel.key: made for made in chunk.made if made.parcel.key in ours}
            delivery, chunk = await asyncio.gather(
                self._deliver(lane, batch.claim, [made.parcel for made in going.values()]),
                self._compose(batch, islice(jobs, self.options.chunk)),
            )
            outcomes = self._outcomes(batch.jobs, going, delivery.results)
            if delivery.outage is not None:
                summary.down[lane.name] = delivery.outage  # the rest waits for the next wake-up
                break
        await self._write(partial(self._last, batch, outcomes))
        summary.count(outcomes)

    def _next(
        self, batch: _Batch, outcomes: Sequence[Settlement], chunk: Sequence[_Ready], connection: Connection
    ) -> frozenset[int]:
        keys = [made.parcel.key for made in chunk]
        begun = begin(connection, batch.claim, keys, wall=self.wall(), lease=self.options.lease)
        self._settle(connection, batch, outcomes, begun.held)
        copies = [made.copy for made in chunk if made.copy is not None and made.parcel.key in begun.ours]
        save_copies(connection, copies)
        return begun.ours

    def _last(self, batch: _Batch, outcomes: Sequence[Settlement], connection: Connection) -> None:
        held = renew(connection, batch.claim, wall=self.wall(), lease=self.options.lease)
        self._settle(connection, batch, outcomes, held)
        release(connection, batch.claim.id)

    async def _write(self, work: Callable[[Connection], _T]) -> _T:
        """One transaction, tried again while the database is away: what the server has said must not be forgotten."""
        for pause in DATABASE_PAUSES:
            try:
                with db.write(self.engine) as connection:
                    return work(connection)
            except EnvironmentFailed:
                await asyncio.sleep(pause)
        with db.write(self.engine) as connection:
            return work(connection)

    async def _deliver(self, lane: Lane, held: Claim, parcels: Sequence[Parcel]) -> Delivery:
        """Hands over one chunk; however slow the server is, nobody takes us for dead meanwhile."""
        keeper = asyncio.create_task(self._keep(held))
        try:
            return await lane.transport.deliver(parcels)
        finally:
            keeper.cancel()

    async def _keep(self, held: Claim) -> None:
        while True:
            await asyncio.sleep(self.options.lease.total_seconds() / 3)
            with suppress(EnvironmentFailed), db.write(self.engine) as connection:
                renew(connection, held, wall=self.wall(), lease=self.options.lease)

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
        now = self.clock()
        settle(connection, batch.claim.id, outcomes, now, held)
        for outcome in outcomes:
            if outcome.reason is Reason.ADDRESS_REFUSED:
                job = batch.jobs[outcome.id]
                if job.campaign.to == "customer":
                    suppress_customer(connection, job.customer_id, "all", "bounced", now, outcome.detail)
