"""What the operator is told of: everything that stops mail or soon will, named so that the same is known again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.db import engine as db
from regulars.insights.operating_figures import OperatingFigures, operating_figures
from regulars.ledger.switches import Pauses, pauses
from regulars.ledger.webhook_outbox import Backlog, backlogs
from regulars.ledger.worker_activity import Counted
from regulars.operation.surroundings import stopped, troubles
from regulars.rules.model import Kind

STUCK = timedelta(minutes=15)
"""After so long without any email going, a queue that could go does not fall; a service email waits no longer."""
UNPLANNED = timedelta(minutes=15)
"""After so long without a plan, nothing new is promised."""
UNTOLD = timedelta(hours=1)
"""A message to a program that waits for so long is refused, or nobody delivers it."""


class AlertConditions:
    """Looks at everything, some times a minute. `elapsed` returns monotonic seconds.

    A queue that does not fall is known by what this process saw before.
    """

    def __init__(self, engine: Engine, wall: Clock, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._wall, self._elapsed = engine, wall, elapsed
        self._settled, self._moved_at = -1, elapsed()

    def look(self, rules_fault: str | None) -> dict[str, str]:
        """What is wrong now, in words by key; `rules_fault` is that of the rule files.

        Raises EnvironmentFailed without a database.
        """
        found = {one.key: one.full for one in (*troubles(self._engine, self._wall), *stopped(self._engine)) if one.key}
        if rules_fault is not None:
            found["rules"] = rules_fault
        with db.read(self._engine) as connection:
            figures, paused, waiting = operating_figures(connection), pauses(connection), backlogs(connection)
        found |= self._queues(figures, paused)
        found |= _untold(figures.at, waiting, found)
        if figures.last_planned_at is not None and figures.at - figures.last_planned_at >= UNPLANNED:
            found["plan"] = (
                f"nothing was planned since {figures.last_planned_at:%Y-%m-%d %H:%M} UTC: look whether the scheduler"
                " runs (`regulars beat`), and in the worker's log"
            )
        return found

    def _queues(self, figures: OperatingFigures, paused: Pauses) -> dict[str, str]:
        settled = sum(one.number for (what, _), one in figures.done.items() if what is Counted.SETTLED)
        if settled != self._settled:
            self._settled, self._moved_at = settled, self._elapsed()
        stands = self._elapsed() - self._moved_at >= STUCK.total_seconds()
        found = {}
        for kind in paused.open_kinds(list(Kind)):
            queue = figures.ready.get(kind)
            if queue is None or queue.oldest_due is None or figures.at - queue.oldest_due < STUCK:
                continue
            if stands or kind == Kind.TRANSACTIONAL:
                found[f"queue/{kind}"] = (
                    f"{queue.number:,} {kind} emails could go, the first since"
                    f" {queue.oldest_due:%Y-%m-%d %H:%M} UTC, and do not: look whether workers run and what their log"
                    " says (`regulars doctor`)"
                )
        return found


def _untold(now: datetime, waiting: Mapping[str, Backlog], known: Mapping[str, str]) -> dict[str, str]:
    """Programs that take some messages, and refuse others again and again."""
    return {
        f"webhook/{name}": (
            f"webhook {name}: {one.waiting:,} messages wait, the first since {one.oldest:%Y-%m-%d %H:%M} UTC;"
            " `regulars webhooks` tells why"
        )
        for name, one in waiting.items()
        if f"webhook/{name}" not in known and one.oldest is not None and now - one.oldest >= UNTOLD
    }
