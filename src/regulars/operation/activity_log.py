"""What one process did since it last told the others: collected in memory, written a few times a minute."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress

from sqlalchemy import Engine

from regulars import __version__
from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as db
from regulars.delivery import latency
from regulars.ledger import worker_activity
from regulars.ledger.worker_activity import Counted, Tally

_EVERY = 10.0
"""Seconds between two writes."""


class ActivityLog:
    """Counts what the process does. `process` names it; `elapsed` returns monotonic seconds.

    When it ends normally, as `regulars tick` does after one run, it leaves no sign of life.
    """

    def __init__(self, engine: Engine, process: str, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._process, self._elapsed = engine, process, elapsed
        self._done: defaultdict[tuple[Counted, str], Tally] = defaultdict(Tally)
        self._written_at = float("-inf")

    def planned(self, seconds: float) -> None:
        """Counts one plan."""
        self._done[Counted.PLANS, ""] += Tally(1, seconds)
        self.write_sometimes()

    def dispatched(self, states: Mapping[str, int], delivered: Mapping[str, Tally], seconds: float) -> None:
        """Counts one run of dispatch: settled emails by state, and deliveries by lane."""
        for state, number in states.items():
            if number:
                self._done[Counted.SETTLED, state] += Tally(number)
        for lane, tally in delivered.items():
            self._done[Counted.DELIVERED, lane] += tally
        if any(states.values()):
            self._done[Counted.TURNS, ""] += Tally(1, seconds)
        self.write_sometimes()

    def write_sometimes(self) -> None:
        """Writes what was counted, unless done within the last seconds."""
        if self._elapsed() - self._written_at >= _EVERY:
            self._write()

    def close(self) -> None:
        """Writes the rest, and removes this process's sign of life."""
        self._write()
        with suppress(EnvironmentFailed), db.write(self._engine) as connection:
            worker_activity.ended(connection, self._process)

    def _write(self) -> None:
        self._written_at = self._elapsed()
        done = dict(self._done)
        latencies = latency.collect()
        try:
            with db.write(self._engine) as connection:
                worker_activity.record_activity(connection, self._process, __version__, done)
                worker_activity.record_latencies(connection, latencies)
        except EnvironmentFailed:  # it is written with the next; what stops the work is told elsewhere
            latency.add_back(latencies)
        else:
            self._done.clear()
