"""How many emails a lane may send now: by its server's rate, or by the rates and warm-ups of the servers of its pool.

What is claimed is spent before it is offered; what its servers did not take is given back with the last chunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from regulars.dispatch.lane import Lane
from regulars.ledger import server_quotas, token_bucket
from regulars.ledger.server_quotas import Quota


@dataclass(slots=True)
class Allowance:
    """What one batch may have: at most `most` emails.

    `waits` says why there are none today; it is empty where some may go within seconds. `budget` has what each limited
    server of the pool may still be offered.
    """

    lane: Lane
    now: datetime
    zone: str
    most: int
    waits: str = ""
    budget: dict[str, int] = field(default_factory=dict)
    _quotas: Mapping[str, Quota] = field(default_factory=dict)
    _spent: int = 0

    def spend(self, connection: Connection, messages: int) -> None:
        """Counts so many messages of the batch in all as sent, each by the server whose turn it is.

        Called again it counts the difference; servers' limits, which may have moved meanwhile, are read anew.
        """
        lane, more = self.lane, messages - self._spent
        if lane.transport.rate is not None:
            token_bucket.spend(connection, lane.name, more)
        if lane.pool is not None and lane.limits and more > 0:
            if self._spent:
                self._quotas = server_quotas.quotas(connection, lane.limits, self.now, self.zone)
            shares = lane.pool.shares(more, {name: quota.now for name, quota in self._quotas.items()})
            limited = {name: shares.get(name, 0) for name in lane.limits}
            self.budget = {name: count + self.budget.get(name, 0) for name, count in limited.items()}
            server_quotas.spend(connection, lane.limits, limited, self.now, self.zone)
        self._spent = messages

    def give_back(self, connection: Connection) -> None:
        """Gives back what the servers were not offered, or did not take."""
        unused = {name: -count for name, count in self.budget.items()}
        self.budget = dict.fromkeys(self.budget, 0)
        server_quotas.spend(connection, self.lane.limits, unused, self.now, self.zone)


def allowance(connection: Connection, lane: Lane, most: int, now: datetime, zone: str) -> Allowance:
    """What the lane may claim now, at most `most`; limits are locked until the end of the transaction."""
    rate = lane.transport.rate
    if rate is not None:
        tokens = token_bucket.available(connection, lane.name, rate=rate, burst=max(rate, 1.0))
        return Allowance(lane, now, zone, max(0, min(most, int(tokens))))
    if lane.pool is None or not lane.limits:
        return Allowance(lane, now, zone, most)
    quotas = server_quotas.quotas(connection, lane.limits, now, zone)
    usable = lane.pool.usable()
    if not usable or any(name not in quotas for name in usable):  # one without a limit; or none that takes mail
        return Allowance(lane, now, zone, most, _quotas=quotas)
    room = min(most, sum(quotas[name].now for name in usable))
    used_up = [quotas[name].used_up for name in usable]
    waits = "" if None in used_up or room else "; ".join(map(str, used_up))
    return Allowance(lane, now, zone, room, waits, _quotas=quotas)
