"""Compares this process's clock with the database's, and publishes a difference to other processes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as db
from regulars.db.database_time import database_time
from regulars.db.tables import clock_states

_LOG = logging.getLogger(__name__)
_LOOK_EVERY = 5.0
"""Seconds between two comparisons."""
_WARN_EVERY = 300.0
"""Seconds between two warnings while the clocks differ."""
_NOTED_FOR = timedelta(minutes=2)
"""A record not renewed within this time belongs to a process that has ended."""
TOLERATED = timedelta(seconds=5)


def clock_difference(engine: Engine, wall: Clock) -> str | None:
    """A sentence with both times when `wall` and the database's clock differ by more than is tolerated, or None."""
    here, there = _both(engine, wall)
    ahead = here - there
    if abs(ahead) <= TOLERATED:
        return None
    return (
        f"this machine's clock is {_off(ahead)} the database's"
        f" ({here:%Y-%m-%d %H:%M:%S} here, {there:%Y-%m-%d %H:%M:%S} there, in UTC):"
        " mail goes at the wrong time; set both clocks by NTP"
    )


def clocks_off(connection: Connection) -> list[str]:
    """A sentence for each process that has found a clock difference within the last minutes."""
    since = database_time(connection) - _NOTED_FOR
    query = select(clock_states).where(clock_states.c.noted_at > since).order_by(clock_states.c.worker)
    return [
        f"the clock of process {row.worker} is {_off(timedelta(seconds=row.ahead_seconds))} the database's since"
        f" {row.since:%Y-%m-%d %H:%M} UTC: its mail goes at the wrong time; set both clocks by NTP"
        for row in connection.execute(query)
    ]


def clock_difference_seconds(engine: Engine, wall: Clock) -> float:
    """How far `wall` is ahead of the database's clock; negative: behind."""
    here, there = _both(engine, wall)
    return (here - there).total_seconds()


class ClockCheck:
    """Logs and records that the clocks differ, and that they agree again. `worker` names the process."""

    def __init__(self, engine: Engine, wall: Clock, worker: str, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._wall, self._worker, self._elapsed = engine, wall, worker, elapsed
        self._looked_at = self._warned_at = float("-inf")
        self._differed = False

    def look(self) -> None:
        """Compares the clocks, unless done within the last seconds."""
        if self._elapsed() - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = self._elapsed()
        difference = clock_difference(self._engine, self._wall)
        if difference is not None:
            self._record()
            if self._elapsed() - self._warned_at >= _WARN_EVERY:
                self._warned_at = self._elapsed()
                _LOG.warning("%s", difference)
        elif self._differed:
            self.close()
            self._warned_at = float("-inf")
            _LOG.warning("this machine's clock and the database's agree again")
        self._differed = difference is not None

    def close(self) -> None:
        """Removes the record of this process."""
        if self._differed:
            with suppress(EnvironmentFailed), db.write(self._engine) as connection:  # old records are ignored
                connection.execute(delete(clock_states).where(clock_states.c.worker == self._worker))

    def _record(self) -> None:
        with suppress(EnvironmentFailed), db.write(self._engine) as connection:
            before = self._wall()
            there = database_time(connection)
            row = {"ahead_seconds": (before - there).total_seconds(), "noted_at": there}
            statement = db.insert(connection, clock_states).values(worker=self._worker, since=there, **row)
            connection.execute(statement.on_conflict_do_update(index_elements=["worker"], set_=row))
            gone = delete(clock_states).where(clock_states.c.noted_at < there - timedelta(days=1))
            connection.execute(gone)


def _both(engine: Engine, wall: Clock) -> tuple[datetime, datetime]:
    with db.read(engine) as connection:
        before = wall()
        there = database_time(connection)
        return before + (wall() - before) / 2, there  # the database read its clock between the two


def _off(ahead: timedelta) -> str:
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return f"{abs(ahead).total_seconds():.0f} s {way}"
