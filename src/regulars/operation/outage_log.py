"""Outages of mail servers: logged and recorded in the database at the beginning, every minute, and at the end.

Without an outage it costs one small query per minute and process, and nothing per email.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as db
from regulars.delivery.transport import Outage
from regulars.dispatch.lane import Lane
from regulars.ledger import lane_states
from regulars.ledger.lane_states import LaneOutage

_LOG = logging.getLogger(__name__)
_EVERY = 60.0
"""Seconds between two warnings about the same lane, and between two reads of other processes' records."""
_IDLE = 20.0
"""Seconds without a message after which a lane is idle: so it is tested at every second wake-up, of one in 15 s."""


class OutageLog:
    """One process's knowledge of its lanes' servers. `elapsed` returns monotonic seconds.

    Another process may have recorded an outage and died: any process that reaches the server again ends it.
    """

    def __init__(
        self, engine: Engine, lanes: Sequence[Lane], wall: Clock, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._wall, self._elapsed = engine, wall, elapsed
        self._lanes = {lane.name: lane for lane in lanes}
        self._away: dict[str, datetime] = {}
        self._warned: dict[str, float] = {}
        self._succeeded: dict[str, datetime] = {}
        self._heard_of: dict[str, float] = {}
        self._looked_at = float("-inf")

    async def follow(
        self, down: Mapping[str, Outage], reached: Mapping[str, datetime], *, probe_idle: bool = False
    ) -> dict[str, Outage]:
        """Records a run: the outages by lane, and when a server last accepted mail.

        A lane with an outage and nothing to send is probed, so that the end of the outage is noticed; with
        `probe_idle` also one that has sent nothing for a while, so that the beginning is noticed before an
        email has to wait. Returns all present outages.
        """
        self._succeeded.update(reached)
        self._look()
        found, now = dict(down), self._elapsed()
        self._heard_of.update(dict.fromkeys([*down, *reached], now))
        idle = [lane for lane in self._lanes if now - self._heard_of.get(lane, float("-inf")) >= _IDLE]
        probed = self._away.keys() | set(idle if probe_idle else ())
        for lane in sorted(probed - down.keys() - reached.keys()):
            self._heard_of[lane] = now
            outage = await self._lanes[lane].transport.probe()
            if outage is not None:
                found[lane] = outage
        for lane, outage in found.items():
            self._log_outage(lane, outage)
        for lane in sorted(self._away.keys() - found.keys()):
            self._end(lane)
        return found

    def _look(self) -> None:
        """Reads the records of other processes, at most once a minute; removes those of lanes that no longer exist."""
        if self._elapsed() - self._looked_at < _EVERY:
            return
        with suppress(EnvironmentFailed):
            with db.read(self._engine) as connection:
                noted = lane_states.outages(connection)
            self._looked_at = self._elapsed()
            for one in noted:
                lane = self._lanes.get(one.lane)
                if lane is not None and lane.transport.server == one.server:
                    self._away.setdefault(one.lane, one.since)
                    continue
                with db.write(self._engine) as connection:
                    lane_states.forget_lane(connection, one.lane)
                _LOG.warning("lane %s: it no longer goes by %s, which was away", one.lane, one.server)

    def _log_outage(self, lane: str, outage: Outage) -> None:
        now, wall = self._elapsed(), self._wall()
        since = self._away.setdefault(lane, wall)
        if now - self._warned.get(lane, float("-inf")) < _EVERY:
            return
        self._warned[lane] = now
        cause = outage.cause
        _LOG.warning("lane %s: nothing is sent, for %s: %s; %s", lane, cause.words, outage, cause.advice)
        noted = LaneOutage(
            lane, frozenset(map(str, self._lanes[lane].kinds)), outage.server, outage.reason, since,
            self._succeeded.get(lane), wall + timedelta(seconds=outage.pause), wall, cause,
        )  # fmt: skip
        with suppress(EnvironmentFailed), db.write(self._engine) as connection:  # the next warning records it
            lane_states.note_outage(connection, noted)

    def _end(self, lane: str) -> None:
        wall = self._wall()
        with suppress(EnvironmentFailed):  # else the next run ends it
            with db.write(self._engine) as connection:
                lane_states.note_recovery(connection, lane, self._succeeded.get(lane, wall))
            since = self._away.pop(lane)
            self._warned.pop(lane, None)
            server = self._lanes[lane].transport.server
            _LOG.warning("lane %s: mail goes again by %s, after %s", lane, server, _span(wall - since))


def _span(time_away: timedelta) -> str:
    seconds = max(0, round(time_away.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} minutes"
