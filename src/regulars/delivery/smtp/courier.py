"""The SMTP transport: batches of parcels to one provider, over a few sessions that stay open between batches.

Every parcel gets exactly one result, whatever the server does, and none is sent twice within one `deliver`:
a parcel is offered again only when it is certain that it was not accepted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Self

from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.smtp.connection import Unreachable, connect
from regulars.delivery.smtp.envelope import Envelope, invalid
from regulars.delivery.smtp.provider import Provider
from regulars.delivery.smtp.replies import clean
from regulars.delivery.smtp.session import End, Session
from regulars.delivery.transport import Delivery, Outage, Transport

_LOG = logging.getLogger(__name__)
_WORTH_A_SESSION = 8
"""A further session is opened for every so many parcels; fewer are sooner gone over one."""
_STALE = 45.0
"""Seconds after which an idle session is replaced: by then many servers have hung up or will."""
_MOST_FAILURES = 3
"""So many sessions in a row that break without having settled anything end a batch."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds without a new attempt after the server could not be reached; doubled each time."""
_WITHOUT_PIPELINING = 3600.0
"""Seconds without pipelining to a server that offers it and does not take it."""


class _Batch:
    """One call of `deliver`: what waits, what is settled, and why no more is tried."""

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self.parcels = parcels
        self.queue: deque[Envelope] = deque()
        self.results: list[Result | None] = [None] * len(parcels)
        self.live = 0
        self.failures = 0
        self.outage: Outage | None = None
        for index, parcel in enumerate(parcels):
            why = invalid(parcel)
            if why is None:
                self.queue.append(Envelope(index, parcel))
            else:
                self.results[index] = Result(parcel.key, Outcome.REFUSED, None, why)

    def settle(self, envelope: Envelope, result: Result) -> None:
        self.results[envelope.index] = result

    def close(self) -> Delivery:
        """All results in the order of the parcels; what was never offered to the server gets the reason why."""
        outcome, code, text = Outcome.UNSENT, None, "no session was free"
        if self.outage is not None:
            code, text = self.outage.code, clean(str(self.outage))
            # With a code the server has said when to come back; without one it has said nothing of any message.
            outcome = Outcome.UNREACHABLE if code is None else Outcome.DEFERRED
        return Delivery(
            [
                result or Result(parcel.key, outcome, code, text)
                for parcel, result in zip(self.parcels, self.results, strict=True)
            ],
            self.outage,
        )


class Courier(Transport):
    """Delivers to one provider; keep it, with its event loop, for as long as there is mail to send."""

    def __init__(self, provider: Provider) -> None:
        self.rate = provider.rate
        self._provider = provider
        self._idle: list[Session] = []
        self._leaving: set[Session] = set()
        self._slots = asyncio.Semaphore(provider.connections)
        self._opening = asyncio.Lock()
        self._live = 0
        self._failure: Outage | None = None
        self._pause = _FIRST_PAUSE
        self._not_before = 0.0
        self._ceiling = provider.connections
        self._ceiling_until = 0.0
        self._plain_until = 0.0

    @classmethod
    def from_url(cls, url: str, name: str) -> Self:
        """The courier of the provider that the URL describes."""
        return cls(Provider.parse(url, name))

    @property
    def server(self) -> str:
        """`host:port` of the provider."""
        return self._provider.server

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        """One result for each parcel; see `Transport.deliver`."""
        batch = _Batch(parcels)
        sessions = min(self._provider.connections, -(-len(batch.queue) // _WORTH_A_SESSION))
        async with asyncio.TaskGroup() as group:
            for _ in range(sessions):
                group.create_task(self._work(batch))
        return batch.close()

    async def close(self) -> None:
        """Says goodbye to the server on every session."""
        for session in self._idle:
            self._dismiss(session)
        self._idle.clear()
        if self._leaving:
            await asyncio.wait([session.gone for session in self._leaving])

    async def _work(self, batch: _Batch) -> None:
        """Sends messages of the batch, over one session after another if need be."""
        async with self._slots:
            while batch.queue and batch.failures < _MOST_FAILURES:
                try:
                    session = await self._session(batch)
                except Unreachable as error:
                    batch.outage = error.outage
                    return
                if session is None:
                    return
                self._live += 1
                batch.live += 1
                try:
                    end = await session.run(batch.queue, batch.settle)
                finally:
                    self._live -= 1
                    batch.live -= 1
                self._put_away(session, end)
                self._count(batch, session, end)

    def _put_away(self, session: Session, end: End) -> None:
        if end is End.IDLE and session.usable:
            self._idle.append(session)
        else:
            self._dismiss(session)

    def _count(self, batch: _Batch, session: Session, end: End) -> None:
        if end is End.PIPELINING_REFUSED:
            self._give_up_pipelining(session.why)
        elif end is End.STALLED and not session.proven:
            batch.failures = _MOST_FAILURES  # each further try would cost a whole timeout
        elif end in {End.STALLED, End.BROKEN}:
            batch.failures += 1
        else:
            if batch.failures == _MOST_FAILURES - 1 and self._provider.pipelining and not session.server.pipelining:
                self._give_up_pipelining("it hung up on every session with it")
            batch.failures = 0
        if batch.failures >= _MOST_FAILURES:
            batch.outage = Outage(self.server, session.why, session.code)

    def _give_up_pipelining(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._plain_until:
            _LOG.warning(
                "%s offers PIPELINING and does not take it: %s; messages go without for an hour", self.server, why
            )
        self._plain_until = now + _WITHOUT_PIPELINING

    async def _session(self, batch: _Batch) -> Session | None:
        """An idle session or a new one; None when the batch is in the hands of others that have one."""
        now = asyncio.get_running_loop().time
        while self._idle:
            session = self._idle.pop()
            if session.usable and now() - session.idle_since < _STALE:
                return session
            self._dismiss(session)
        async with self._opening:  # one at a time: a server that is down is asked once, not by all
            if not batch.queue or (batch.live and self._live >= self._ceiling and now() < self._ceiling_until):
                return None
            if self._failure is not None and now() < self._not_before:
                raise Unreachable(self._failure)
            try:
                # The last session that is tried goes without: some hang up on pipelining without a word.
                plain = now() < self._plain_until or batch.failures == _MOST_FAILURES - 1
                session = await connect(self._provider, pipelining=not plain)
            except Unreachable as error:
                if self._live:
                    # It is there, but takes no more of us: go on with what we have.
                    self._ceiling, self._ceiling_until = self._live, now() + _LONGEST_PAUSE
                else:
                    self._failure = error.outage
                    self._not_before = now() + self._pause
                    self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
                if batch.live:
                    return None
                raise
            self._failure, self._pause = None, _FIRST_PAUSE
            return session

    def _dismiss(self, session: Session) -> None:
        session.quit()
        if not session.gone.done():
            self._leaving.add(session)
            session.gone.add_done_callback(lambda _: self._leaving.discard(session))
