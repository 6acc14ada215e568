"""Several servers behind one transport: shares by weight, and failover.

A message goes to another server only when it is certain that the first has not accepted it: never offered, or the
session refused. One that may have been accepted stays with its server. A server that is away is left alone for a
while that doubles, then probed beside the sending, so that mail never waits for it while another server takes it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from regulars.core.outage_cause import OutageCause
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.smtp.replies import clean
from regulars.delivery.transport import Delivery, Outage, Transport

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
"""Seconds for which a server that was away is left alone; doubled each time."""
_CLOSING = 421
"""The reply of a server that ends the session without taking the message (RFC 5321, 3.8)."""
_NO_ROOM = "no server of the pool may take more now"


@dataclass(slots=True)
class Member:
    """One server of a pool. With weight 0 it is a spare: used while no other takes mail."""

    name: str
    transport: Transport
    weight: int = 1
    outage: Outage | None = field(default=None, init=False)
    reached: bool = field(default=False, init=False)
    """Whether it has taken mail, or answered a probe, since somebody looked last."""
    credit: int = field(default=0, init=False)
    pause: float = field(default=_FIRST_PAUSE, init=False)
    not_before: float = field(default=0.0, init=False)
    probing: asyncio.Task[None] | None = field(default=None, init=False)


class Pool(Transport):
    """Delivers by several servers; `elapsed` returns monotonic seconds.

    `budget` has for limited servers how many messages each may still be offered; others are not in it. It is counted
    down by what was offered, and the caller gives back what is left.
    """

    def __init__(self, name: str, members: Sequence[Member], elapsed: Callable[[], float] = time.monotonic) -> None:
        self.name, self.members = name, tuple(members)
        self.budget: dict[str, int] = {}
        self._elapsed = elapsed

    @property
    def server(self) -> str:
        """The servers with their names."""
        return ", ".join(f"{member.name} ({member.transport.server})" for member in self.members)

    def usable(self) -> list[str]:
        """The servers that are not known to be away."""
        return [member.name for member in self.members if member.outage is None]

    def shares(self, count: int, most: Mapping[str, int]) -> dict[str, int]:
        """How many of `count` messages each usable server gets by its weight; at most `most` of those named there."""
        left, given = dict(most), dict.fromkeys(self.usable(), 0)
        for _ in range(count):
            member = self._next(left, frozenset())
            if member is None:
                break
            given[member.name] += 1
        return given

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        """One result for each parcel; an outage only if no server of the pool takes mail."""
        if not parcels:
            return Delivery((), await self.probe())
        self._probe_due()
        results: list[Result] = [Result(parcel.key, Outcome.UNREACHABLE, None, _NO_ROOM) for parcel in parcels]
        tried: dict[int, frozenset[str]] = dict.fromkeys(range(len(parcels)), frozenset())
        if not self.usable():
            await self._probe_now(member for member in self.members if self._elapsed() >= member.not_before)
        while tried:
            portions = self._portions(tried)
            if not portions:
                break
            done = await asyncio.gather(
                *(member.transport.deliver([parcels[place] for place in places]) for member, places in portions)
            )
            for (member, places), delivery in zip(portions, done, strict=True):
                self._record(member, delivery)
                for place, result in zip(places, delivery.results, strict=True):
                    results[place] = result
                    if not _may_go_to_another(result, delivery.outage):
                        del tried[place]
                    elif member.name in self.budget:
                        self.budget[member.name] += 1
        outage = None if self.usable() or not tried else self._outage()
        if outage is not None:
            for place in tried:
                results[place] = Result(parcels[place].key, Outcome.UNREACHABLE, None, clean(str(outage)))
        return Delivery(results, outage)

    async def probe(self) -> Outage | None:
        """Probes every server that may be tried; the outage if none would take mail."""
        await self._probe_now(m for m in self.members if m.outage is None or self._elapsed() >= m.not_before)
        return None if self.usable() else self._outage()

    async def probe_away(self, seconds: float = 1.0) -> None:
        """Probes the servers that were left alone long enough; waits no longer than this for their answers."""
        self._probe_due()
        running = [one.probing for one in self.members if one.probing is not None and not one.probing.done()]
        if running:
            await asyncio.wait(running, timeout=seconds)

    async def close(self) -> None:
        for member in self.members:
            if member.probing is not None:
                member.probing.cancel()
                member.probing = None
            await member.transport.close()

    def _portions(self, tried: dict[int, frozenset[str]]) -> list[tuple[Member, list[int]]]:
        """Which places each server is offered next; notes them as tried there, and counts the budget down."""
        portions: dict[str, tuple[Member, list[int]]] = {}
        for place, already in tried.items():
            member = self._next(self.budget, already)
            if member is not None:
                portions.setdefault(member.name, (member, []))[1].append(place)
                tried[place] = already | {member.name}
        return list(portions.values())

    def _next(self, left: dict[str, int], already: frozenset[str]) -> Member | None:
        """The server whose turn it is by weight, a spare if there is no other; counts `left` down."""
        able = [
            member
            for member in self.members
            if member.outage is None and member.name not in already and left.get(member.name, 1) > 0
        ]
        able = [member for member in able if member.weight] or able[:1]
        if not able:
            return None
        for member in able:
            member.credit += member.weight
        chosen = max(able, key=lambda member: member.credit)
        chosen.credit -= sum(member.weight for member in able)
        if chosen.name in left:
            left[chosen.name] -= 1
        return chosen

    def _record(self, member: Member, delivery: Delivery) -> None:
        if delivery.outage is not None:
            self._away(member, delivery.outage)
        else:
            member.reached = True

    def _away(self, member: Member, outage: Outage) -> None:
        pause = max(outage.pause, member.pause)
        if member.outage is None:
            others = [one for one in self.usable() if one != member.name]
            way = f"its emails go by {', '.join(others)}" if others else "no other server of the lane takes mail"
            _LOG.warning("mail server %s of lane %s is away: %s; %s", member.name, self.name, outage, way)
        member.outage = replace(outage, pause=pause)
        member.credit = 0
        member.not_before = self._elapsed() + pause
        member.pause = min(2 * member.pause, _LONGEST_PAUSE)

    def _back(self, member: Member) -> None:
        member.reached = True
        if member.outage is not None:
            _LOG.warning("mail server %s of lane %s takes mail again", member.name, self.name)
        member.outage, member.pause = None, _FIRST_PAUSE

    def _probe_due(self) -> None:
        """Starts a probe of each server that was left alone long enough; sending does not wait for it."""
        for member in self.members:
            running = member.probing is not None and not member.probing.done()
            if member.outage is not None and not running and self._elapsed() >= member.not_before:
                member.probing = asyncio.create_task(self._probe(member))

    async def _probe_now(self, members: Iterable[Member]) -> None:
        await asyncio.gather(*(self._probe(member) for member in list(members)))

    async def _probe(self, member: Member) -> None:
        outage = await member.transport.probe()
        if outage is None:
            self._back(member)
        else:
            self._away(member, outage)

    def _outage(self) -> Outage:
        """Why the whole pool is away."""
        away = [(member.name, member.outage) for member in self.members if member.outage is not None]
        reasons = "; ".join(f"{name}: {outage.reason}" for name, outage in away)
        causes = {outage.cause for _, outage in away}
        cause = causes.pop() if len(causes) == 1 else OutageCause.AWAY
        return Outage(self.server, reasons, pause=min((one.pause for _, one in away), default=0.0), cause=cause)


class MissingServer(Transport):
    """A server without a usable URL: it takes nothing, and says why."""

    def __init__(self, name: str, reason: str) -> None:
        self._outage = Outage(name, reason, pause=_LONGEST_PAUSE)

    @property
    def server(self) -> str:
        return "no URL"

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        text = clean(str(self._outage))
        return Delivery([Result(one.key, Outcome.UNREACHABLE, None, text) for one in parcels], self._outage)

    async def close(self) -> None:
        """Nothing is open."""


def _may_go_to_another(result: Result, outage: Outage | None) -> bool:
    """Whether the server has certainly not accepted the message, and for a reason that lies with the server."""
    if result.outcome in {Outcome.UNSENT, Outcome.UNREACHABLE}:
        return True
    if result.outcome is not Outcome.DEFERRED:
        return False
    return result.code == _CLOSING or (outage is not None and result.text == clean(str(outage)))
