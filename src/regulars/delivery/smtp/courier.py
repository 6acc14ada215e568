"""The SMTP transport: batches of parcels to one provider, over a few sessions kept open between batches.

Every parcel gets exactly one result, whatever the server does, and none is sent twice within one `deliver`:
a parcel is offered again only when it is certain that it was not accepted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.smtp.connection import Unreachable, connect
from regulars.delivery.smtp.envelope import Envelope, invalid
from regulars.delivery.smtp.provider import Provider
from regulars.delivery.smtp.replies import clean, nameless
from regulars.delivery.smtp.session import End, Session
from regulars.delivery.transport import Delivery, Outage, Transport

_LOG = logging.getLogger(__name__)
_WORTH_A_SESSION = 8
"""One more session is opened for every so many parcels; fewer are faster over one."""
_STALE = 45.0
"""Seconds after which an idle session is replaced: by then many servers close it."""
_MOST_FAILURES = 3
"""Number of consecutive sessions that break without settling anything, after which a batch ends."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds without a new attempt after the server could not be reached; doubled each time."""
_WITHOUT_PIPELINING = 3600.0
"""Seconds without pipelining for a server that offers it but rejects it."""


class _Batch:
    """One call of `deliver`: what is waiting, what is settled, and why it stopped."""

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
        """All results in the order of the parcels; parcels never offered get the reason."""
        outcome, text = Outcome.UNSENT, "no session was free"
        if self.outage is not None:  # the server has said nothing about what it was not offered
            words = f"{self.outage.server}: it takes no messages now" if self.outage.about_message else str(self.outage)
            outcome, text = Outcome.UNREACHABLE, clean(words)
        return Delivery(
            [
                result or Result(parcel.key, outcome, None, text)
                for parcel, result in zip(self.parcels, self.results, strict=True)
            ],
            self.outage,
        )


class Courier(Transport):
    """Delivers to one provider; keep it, with its event loop, as long as there is mail to send."""

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
        """The courier for the provider in the URL."""
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

    async def probe(self) -> Outage | None:
        """Whether a session can be opened: none is while the server is left alone after a failure."""
        async with self._slots, self._opening:
            try:
                self._dismiss(await self._connect(plain=True))
            except Unreachable as error:
                return error.outage
        return None

    async def close(self) -> None:
        """Sends QUIT on every session."""
        for session in self._idle:
            self._dismiss(session)
        self._idle.clear()
        if self._leaving:
            await asyncio.wait([session.gone for session in self._leaving])

    async def _work(self, batch: _Batch) -> None:
        """Sends messages of the batch, over several sessions one after another if necessary."""
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
                self._release(session, end)
                self._count(batch, session, end)

    def _release(self, session: Session, end: End) -> None:
        if end is End.IDLE and session.usable:
            self._idle.append(session)
        else:
            self._dismiss(session)

    def _count(self, batch: _Batch, session: Session, end: End) -> None:
        if end is End.PIPELINING_REFUSED:
            self._give_up_pipelining(session.why)
        elif end is End.STALLED and not session.proven:
            batch.failures = _MOST_FAILURES  # each further attempt would cost a whole timeout
        elif end in {End.STALLED, End.BROKEN}:
            batch.failures += 1
        else:
            if batch.failures == _MOST_FAILURES - 1 and self._provider.pipelining and not session.server.pipelining:
                self._give_up_pipelining("it hung up on every session with it")
            batch.failures = 0
        if session.proven:
            self._pause = _FIRST_PAUSE
        if batch.failures >= _MOST_FAILURES and batch.outage is None:
            many = "it ended each of the last sessions" if end is End.BROKEN else "it stopped answering"
            outage = Outage(self.server, clean(f"{many}: {nameless(session.why)}"), session.code, about_message=True)
            batch.outage = self._leave_alone(outage)

    def _give_up_pipelining(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._plain_until:
            _LOG.warning(
                "%s offers PIPELINING and does not take it: %s; messages go without for an hour", self.server, why
            )
        self._plain_until = now + _WITHOUT_PIPELINING

    async def _session(self, batch: _Batch) -> Session | None:
        """An idle session or a new one; None when other sessions handle the batch."""
        now = asyncio.get_running_loop().time
        while self._idle:
            session = self._idle.pop()
            if session.usable and now() - session.idle_since < _STALE:
                return session
            self._dismiss(session)
        async with self._opening:  # one at a time: an unreachable server is tried once, not by all
            if not batch.queue or (batch.live and self._live >= self._ceiling and now() < self._ceiling_until):
                return None
            try:
                # The last attempt is without pipelining: some servers close the connection on it without a reply.
                plain = now() < self._plain_until or batch.failures == _MOST_FAILURES - 1
                return await self._connect(plain=plain)
            except Unreachable:
                if batch.live:
                    return None
                raise

    async def _connect(self, *, plain: bool) -> Session:
        """A new session; raises Unreachable, and does not try during the pause after a failure."""
        now = asyncio.get_running_loop().time
        if self._failure is not None and (left := self._not_before - now()) > 0:
            raise Unreachable(replace(self._failure, pause=left))
        try:
            session = await connect(self._provider, pipelining=not plain)
        except Unreachable as error:
            if self._live:
                # It is reachable, but accepts no more sessions: continue with the open ones.
                self._ceiling, self._ceiling_until = self._live, now() + _LONGEST_PAUSE
                raise
            raise Unreachable(self._leave_alone(error.outage)) from None
        self._failure = None
        return session

    def _leave_alone(self, outage: Outage) -> Outage:
        """Opens no session for a while; twice as long the next time, until a message was settled."""
        self._failure = replace(outage, pause=self._pause)
        self._not_before = asyncio.get_running_loop().time() + self._pause
        self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
        return self._failure

    def _dismiss(self, session: Session) -> None:
        session.quit()
        if not session.gone.done():
            self._leaving.add(session)
            session.gone.add_done_callback(lambda _: self._leaving.discard(session))
