"""The dispatch loop: claim a batch, look once more, render, send chunk by chunk, settle each on its own outcome.

Per batch, in this order, because the order is what keeps every promise:

1. one transaction: claim rows, confirm that they still may go, load what they speak of, mint coupons;
2. render all; what cannot be rendered is held with the reason;
3. for each chunk, one transaction settles the chunk before and marks this one `sending`; then it goes out;
4. one transaction settles the last chunk and gives back what was not begun.

A process that dies before 3 leaves rows that others take over; during 3, at most one chunk is uncertain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Engine

from regulars.clearance import Ruleset, confirm, ground, live
from regulars.core.clock import Clock
from regulars.delivery import Outcome, Parcel, Result
from regulars.dispatch.compose import Composed, Workshop, compose
from regulars.dispatch.coupons import mint
from regulars.dispatch.load import Job, load
from regulars.dispatch.outcome import settlement
from regulars.ledger import Reason, Settlement, State, allowance, begin, claim, recover, release, settle, spend
from regulars.render import RenderFailed
from regulars.store import engine as store
from regulars.store.rights import suppress_customer

RENDER_PAUSE = timedelta(minutes=15)
"""When a promise that could not be rendered is tried again; somebody mends a template in between."""


class Rules(Ruleset, Workshop, Protocol):
    """What dispatch needs of a workspace: conditions to look once more, templates to render."""


class Carrier(Protocol):
    """Takes parcels to a server; `delivery.Courier` is one."""

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Result]: ...


@dataclass(frozen=True, slots=True)
class Lane:
    """Kinds of email that go by one provider."""

    name: str
    kinds: frozenset[str]
    carrier: Carrier
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Where and how dispatch works."""

    web_url: str
    secret: bytes = field(repr=False)
    worker: str = "worker"
    batch: int = 500
    chunk: int = 100
    lease: timedelta = timedelta(seconds=60)


@dataclass
class Summary:
    """How many promises came to each state in one run; `stopped` when the server could not be reached."""

    states: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    @property
    def sent(self) -> int:
        """Messages the server accepted."""
        return self.states[State.SENT]


@dataclass(slots=True)
class _Batch:
    claim_id: int
    composed: list[Composed]
    jobs: dict[int, Job]
    broken: list[Settlement]


class Dispatcher:
    """Sends what is planned, until nothing is left or it is told to stop."""

    def __init__(
        self, engine: Engine, rules: Rules, lanes: Sequence[Lane], options: Options, *, clock: Clock, wall: Clock
    ) -> None:
        self.engine, self.rules, self.lanes, self.options = engine, rules, lanes, options
        self.clock, self.wall = clock, wall

    async def run(
        self, stop: Callable[[], bool] = lambda: False, progress: Callable[[int], None] | None = None
    ) -> Summary:
        """Recovers what dead workers left, then works through the ledger; gives what came of it."""
        summary = Summary()
        resend = self.rules.rulebook.policy.uncertain == "resend"
        with store.write(self.engine) as connection:
            recover(connection, now=self.clock(), wall=self.wall(), resend=resend)
        for lane in self.lanes:
            while not stop() and not summary.stopped:
                batch = self._take(lane, summary)
                if batch is None:
                    break
                await self._send(lane, batch, summary)
                if progress is not None:
                    progress(summary.sent)
        return summary

    def _take(self, lane: Lane, summary: Summary) -> _Batch | None:
        options, now, wall = self.options, self.clock(), self.wall()
        with store.write(self.engine) as connection:
            limit = options.batch
            if lane.rate is not None:
                tokens = allowance(connection, lane.name, rate=lane.rate, burst=max(lane.rate, 1.0), wall=wall)
                limit = min(limit, int(tokens))
            taken = limit and claim(
                connection, kinds=lane.kinds, limit=limit, now=now, wall=wall, lease=options.lease,
                worker=options.worker,
            )  # fmt: skip
            if not taken:
                return None
            lives = live(connection, self.rules.rulebook)
            where = ground(connection, self.rules, now)
            ids = confirm(connection, where, lives, taken.id)
            summary.states["withheld"] += len(taken.rows) - len(ids)
            jobs = load(connection, where, lives, ids)
            mint(connection, jobs, now)
            if lane.rate is not None:
                spend(connection, lane.name, len(jobs))
        return self._compose(taken.id, jobs, now)

    def _compose(self, claim_id: int, jobs: Sequence[Job], now: datetime) -> _Batch:
        batch = _Batch(claim_id, [], {job.id: job for job in jobs}, [])
        for job in jobs:
            try:
                made = compose(job, self.rules, now, self.options.web_url, self.options.secret)
                batch.composed.append(made)
            except (RenderFailed, ValueError) as error:
                batch.broken.append(
                    Settlement(
                        job.id, State.HELD, Reason.RENDER_ERROR, str(error)[:500], next_at=now + RENDER_PAUSE,
                        attempted=False,
                    )
                )  # fmt: skip
        return batch

    async def _send(self, lane: Lane, batch: _Batch, summary: Summary) -> None:
        options = self.options
        outcomes = batch.broken
        for chunk in _chunks(batch.composed, options.chunk):
            with store.write(self.engine) as connection:
                self._settle(connection, batch, outcomes, summary)
                keys = [made.parcel.key for made in chunk]
                ours = begin(connection, batch.claim_id, keys, wall=self.wall(), lease=options.lease)
            going = {made.parcel.key: made for made in chunk if made.parcel.key in ours}
            results = await lane.carrier.deliver([made.parcel for made in going.values()])
            outcomes = self._outcomes(batch.jobs, going, results)
            if results and all(r.outcome in (Outcome.DEFERRED, Outcome.UNSENT) and r.code is None for r in results):
                summary.stopped = True  # the server is not there: the rest goes back and waits with the next wake-up
                break
        with store.write(self.engine) as connection:
            self._settle(connection, batch, outcomes, summary)
            release(connection, batch.claim_id)

    def _outcomes(
        self, jobs: Mapping[int, Job], going: Mapping[int, Composed], results: Sequence[Result]
    ) -> list[Settlement]:
        now, resend = self.clock(), self.rules.rulebook.policy.uncertain == "resend"
        return [
            settlement(
                result, jobs[result.key].attempts, now, resend=resend, message_id=made.message_id,
                template=made.rendered.digest, data=made.data,
            )
            for result in results
            for made in (going[result.key],)
        ]  # fmt: skip

    def _settle(self, connection: Connection, batch: _Batch, outcomes: Sequence[Settlement], summary: Summary) -> None:
        now = self.clock()
        settle(connection, batch.claim_id, outcomes, now)
        for outcome in outcomes:
            summary.states[outcome.state] += 1
            if outcome.reason is Reason.ADDRESS_REFUSED:
                self._suppress(connection, batch.jobs[outcome.id], outcome, now)

    def _suppress(self, connection: Connection, job: Job, outcome: Settlement, now: datetime) -> None:
        if job.campaign.to == "customer":
            suppress_customer(connection, job.customer_id, "all", "bounced", now, outcome.detail)


def _chunks(composed: Sequence[Composed], size: int) -> Iterator[Sequence[Composed]]:
    for start in range(0, len(composed), size):
        yield composed[start : start + size]
