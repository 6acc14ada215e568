"""What the workspace of the harness has to send: an email for each event, and events that come as the run goes on.

The events are numbered, so that a run that was interrupted knows which are there, and the verdict which must be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, insert, select

from regulars.core import clock, settings
from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import read, write
from regulars.db.tables import customers, events
from regulars.operation.runtime import Runtime
from tests.common.site import Site
from tests.common.workspace import write_workspace

RULES = {"visit": {"on": "visit.done", "kind": "transactional", "email": "visit"}}
CLIENTS_PER_EMAIL = 0.1


def write_rules(root: Path, words: str = "") -> None:
    """One email for each visit, still sent when it is a month old; `words` make another version of it."""
    (root / "var").mkdir(parents=True, exist_ok=True)
    write_workspace(root, RULES, policy={"late": "30 days"}, lines={"visit": f"{{{{ event.service }}}} {words}"})


def bring_into_force(site: Site) -> None:
    """A first plan: an event counts from the moment that its rule is in force."""
    runtime = Runtime(settings.load(site.root, site.environment), site.engine, clock.system)
    runtime.plan(clock.system)
    runtime.close()


class Load:
    """The events of one site; `add` continues where the run before has ended."""

    def __init__(self, site: Site, emails: int) -> None:
        self.site, self.emails = site, emails
        self.added = 0

    def open(self) -> None:
        """Adds the clients, unless they are there, and counts the events."""
        with read(self.site.engine) as connection:
            known = connection.scalar(select(func.count()).select_from(customers)) or 0
            self.added = connection.scalar(select(func.count()).select_from(events)) or 0
        if not known:
            self.site.crowd(max(int(self.emails * CLIENTS_PER_EMAIL), 1))
        with read(self.site.engine) as connection:
            self._keys = list(connection.scalars(select(customers.c.id).order_by(customers.c.external_id)))

    def add(self, until: int) -> None:
        """Adds events up to that number, in one transaction; none while the database is away."""
        until = min(until, self.emails)
        if until <= self.added:
            return
        now = datetime.now(UTC)
        rows = [
            {
                "external_id": name(number), "customer_id": self._keys[number % len(self._keys)], "name": "visit.done",
                "occurred_at": now, "received_at": now, "data": {"service": f"visit {number}"},
            }
            for number in range(self.added, until)
        ]  # fmt: skip
        if self._tried(lambda: self._insert(rows)):
            self.added = until
        else:  # the transaction may have been committed all the same
            self._tried(self._count)

    def _insert(self, rows: list[dict[str, object]]) -> None:
        with write(self.site.engine) as connection:
            connection.execute(insert(events), rows)

    def _count(self) -> None:
        with read(self.site.engine) as connection:
            self.added = connection.scalar(select(func.count()).select_from(events)) or 0

    @staticmethod
    def _tried(work: Callable[[], None]) -> bool:
        try:
            work()
        except EnvironmentFailed:
            return False
        return True


def name(number: int) -> str:
    """The external id of an event."""
    return f"v-{number:06}"
