"""Whether this process's clock agrees with the database's: looked at when the process starts and every few minutes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from regulars.core.clock import Clock
from regulars.db import engine as db

_LOG = logging.getLogger(__name__)
_EVERY = 300.0
"""Seconds between two looks."""
TOLERATED = timedelta(seconds=5)
_NOW = {
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}
"""Seconds since 1970 by the database's clock."""


def clock_difference(engine: Engine, wall: Clock) -> str | None:
    """A sentence with both times when `wall` and the database's clock differ by more than is tolerated, or None."""
    with db.read(engine) as connection:
        before = wall()
        there = datetime.fromtimestamp(float(connection.execute(_NOW[connection.dialect.name]).scalar_one()), UTC)
        here = before + (wall() - before) / 2  # the database answered between the two
    ahead = here - there
    if abs(ahead) <= TOLERATED:
        return None
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return (
        f"this machine's clock is {abs(ahead).total_seconds():.0f} s {way} the database's"
        f" ({here:%Y-%m-%d %H:%M:%S} here, {there:%Y-%m-%d %H:%M:%S} there, in UTC):"
        " mail goes at the wrong time; set both clocks by NTP"
    )


class ClockCheck:
    """Logs a warning while the clocks differ, and once when they agree again."""

    def __init__(self, engine: Engine, wall: Clock, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._wall, self._elapsed = engine, wall, elapsed
        self._looked_at = float("-inf")
        self._differed = False

    def look(self) -> None:
        """Compares the clocks, unless that was done within the last minutes."""
        if self._elapsed() - self._looked_at < _EVERY:
            return
        self._looked_at = self._elapsed()
        difference = clock_difference(self._engine, self._wall)
        if difference is not None:
            _LOG.warning("%s", difference)
        elif self._differed:
            _LOG.info("this machine's clock and the database's agree again")
        self._differed = difference is not None
