"""A small workspace, its ledger and one sender: plan at a time, send at a time, look at what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from regulars.core import clock, settings
from regulars.db.engine import read, write
from regulars.db.tables import customers, promises, suppressions
from regulars.dispatch.dispatcher import Summary
from regulars.operation.runtime import Runtime
from regulars.profile import facts
from tests.common.bench import at
from tests.common.people import add_customer, add_event

NOON = "2026-06-10T12:00"
NEWS = {"at": "2026-06-10 10:00", "email": "news", "backfill": "all"}
VISIT = {"on": "visit.done", "kind": "transactional", "email": "visit"}
SECRET = "the secret of the links"


class Office:
    """One process at work on a workspace."""

    def __init__(self, engine: Engine, root: Path, smtp_url: str, **environment: str) -> None:
        self.engine, self.root = engine, root
        self._environment = {"REGULARS_SMTP_URL": smtp_url, "REGULARS_SECRET": SECRET, **environment}
        self._runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """Opened on first use, when the test has written its rules."""
        if self._runtime is None:
            self._runtime = Runtime(settings.load(self.root, self._environment), self.engine, clock.system)
        return self._runtime

    def plan(self, when: str = NOON) -> None:
        """Plans at that time, on fresh facts."""
        with write(self.engine) as connection:
            facts.refresh(connection)
        self.runtime.plan(clock.frozen(at(when)))

    def dispatch(self, when: str = NOON, stop: Callable[[], bool] = lambda: False) -> Summary:
        """Sends what may go at that time."""
        return self.runtime.dispatch(clock.frozen(at(when)), turn=timedelta(seconds=60), stop=stop)

    def tick(self, when: str = NOON) -> Summary:
        """Plans and sends at that time."""
        self.plan(when)
        return self.dispatch(when)

    def clients(self, *names: str, **fields: Any) -> None:
        """Clients who may be written to."""
        with write(self.engine) as connection:
            for name in names:
                add_customer(connection, name, **fields)

    def visit(self, name: str, when: str, data: dict[str, Any] | None = None) -> None:
        """A client's visit ended."""
        with write(self.engine) as connection:
            key = connection.scalar(select(customers.c.id).where(customers.c.external_id == name))
            assert key is not None
            add_event(connection, key, "visit.done", when, data or {"service": "cut"})

    def rows(self) -> list[dict[str, Any]]:
        """The ledger, with each client's external id as `customer`: by plan, then by client.

        In which order a plan promises to several clients is the database's choice.
        """
        query = select(promises, customers.c.external_id.label("customer")).join(customers)
        query = query.order_by(promises.c.created_at, promises.c.customer_id, promises.c.id)
        with read(self.engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def row(self) -> dict[str, Any]:
        """The ledger's only row."""
        (found,) = self.rows()
        return found

    def states(self) -> dict[str, tuple[str, str | None]]:
        """State and reason by client."""
        return {row["customer"]: (row["state"], row["reason"]) for row in self.rows()}

    def suppressed(self) -> list[str]:
        """Why addresses are barred."""
        with read(self.engine) as connection:
            return list(connection.scalars(select(suppressions.c.reason)))

    def close(self) -> None:
        """Ends the process, the database apart, which the test has opened."""
        if self._runtime is not None:
            self._runtime.close()
            self._runtime = None
