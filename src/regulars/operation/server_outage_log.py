"""Servers of pools that are away: recorded in the database at the beginning, every minute, and at the end.

`OutageLog` does the same for whole lanes. Without pools it costs nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as db
from regulars.delivery.pool import Member, Pool
from regulars.dispatch.lane import Lane
from regulars.ledger import server_states
from regulars.ledger.server_states import ServerOutage

_LOG = logging.getLogger(__name__)
_EVERY = 60.0
"""Seconds between two records of the same outage, and between two reads of other processes' records."""


class ServerOutageLog:
    """One process's knowledge of the servers of its pools. `elapsed` returns monotonic seconds.

    Another process may have recorded an outage and died: any process that reaches the server again ends it.
    """

    def __init__(
        self, engine: Engine, lanes: Sequence[Lane], wall: Clock, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._wall, self._elapsed = engine, wall, elapsed
        self._pools = [lane.pool for lane in lanes if lane.pool is not None]
        self._recorded: dict[str, float] = {}
        """When each outage that is known was last recorded by this process."""
        self._looked_at = float("-inf")

    async def follow(self) -> None:
        """Tries the servers that are away again; records which still are, and which take mail again."""
        for pool in self._pools:
            await pool.probe_away()
        with suppress(EnvironmentFailed):  # else the next run records it
            self._look()
            for pool in self._pools:
                for member in pool.members:
                    self._follow(pool, member)

    def _look(self) -> None:
        if self._elapsed() - self._looked_at < _EVERY:
            return
        with db.read(self._engine) as connection:
            found = server_states.server_outages(connection)
        self._looked_at = self._elapsed()
        names = {member.name for pool in self._pools for member in pool.members}
        for outage in found:
            if outage.server in names:
                self._recorded.setdefault(outage.server, float("-inf"))
                continue
            with db.write(self._engine) as connection:
                server_states.forget_server(connection, outage.server)
            _LOG.warning("mail server %s: it was away, and no pool names it any more", outage.server)

    def _follow(self, pool: Pool, member: Member) -> None:
        now, outage = self._elapsed(), member.outage
        if outage is None:
            if member.reached and member.name in self._recorded:
                with db.write(self._engine) as connection:
                    server_states.record_recovery(connection, member.name, self._wall())
                del self._recorded[member.name]
            member.reached = False
            return
        if now - self._recorded.get(member.name, float("-inf")) < _EVERY:
            return
        wall = self._wall()
        found = ServerOutage(
            member.name, pool.name, member.transport.server, outage.reason, wall,
            wall + timedelta(seconds=outage.pause), wall,
        )  # fmt: skip
        with db.write(self._engine) as connection:
            server_states.record_outage(connection, found)
        self._recorded[member.name] = now
