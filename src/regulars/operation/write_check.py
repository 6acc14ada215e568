"""Tests in a worker whether the database can be written, and tells every process by the age of the last success.

Where nothing can be written a failure cannot be recorded either: readers see that the last success is too old.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, Engine

from regulars.db.write_probe import forget_probe, is_being_written, probe_age, write_fault

_LOG = logging.getLogger(__name__)
PROBE_EVERY = 10.0
"""Seconds between two probes: a wake-up comes every 15."""
_WARN_EVERY = 60.0
"""Seconds between two errors in the log while nothing can be written."""
TOO_OLD = timedelta(seconds=40)
"""Two wake-ups were missed, and half of a third: with the time until somebody looks, well within a minute."""
_TOO_LONG = timedelta(minutes=10)
"""No transaction of another process explains an older probe."""


class WriteCheck:
    """One worker's probe; logs that the database cannot be written, and that it can again."""

    def __init__(self, engine: Engine, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._elapsed = engine, elapsed
        self._looked_at = self._warned_at = float("-inf")
        self._failing_since: float | None = None

    def look(self) -> None:
        """Writes the probe, unless done within the last seconds."""
        now = self._elapsed()
        if now - self._looked_at < PROBE_EVERY:
            return
        self._looked_at = now
        fault = write_fault(self._engine)
        if fault is not None:
            self._failing_since = now if self._failing_since is None else self._failing_since
            if now - self._warned_at >= _WARN_EVERY:
                self._warned_at = now
                _LOG.error(
                    "the database cannot be written: %s; nothing is planned or sent until it can: look for a full disk,"
                    " and for the rights of its files", fault,
                )  # fmt: skip
        elif self._failing_since is not None:
            _LOG.warning("the database can be written again, after %.0f s", now - self._failing_since)
            self._failing_since, self._warned_at = None, float("-inf")

    def close(self) -> None:
        """Removes the probe: this worker writes it no longer, and another one does so again within seconds."""
        forget_probe(self._engine)


def unwritten_for(engine: Engine, connection: Connection) -> timedelta | None:
    """Since when no worker could write, if that is too long; None when all is well or no worker runs.

    A probe waits while another process writes for long, such as a large import on SQLite: that is no fault.
    """
    age = probe_age(connection)
    if age is None or age <= TOO_OLD or (age <= _TOO_LONG and is_being_written(engine)):
        return None
    return age
