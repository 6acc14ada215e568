"""What an operator's graphs and alarms show: queues, totals, workers, pauses. Read for `/metrics` and `doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, func, select

from regulars.db.database_time import database_time
from regulars.db.states import State
from regulars.db.tables import applied_versions, campaigns, customers, notifications, promises, suppressions, switches
from regulars.ledger import worker_activity
from regulars.ledger.alert_states import Alert, present_alerts
from regulars.ledger.webhook_endpoints import Endpoint, endpoints
from regulars.ledger.webhook_outbox import Backlog, backlogs
from regulars.ledger.worker_activity import Counted, Heartbeat, Tally


@dataclass(frozen=True, slots=True)
class Waiting:
    """Emails that wait, and since when the oldest of them could go; None if none could yet."""

    number: int
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True)
class OperatingFigures:
    """At one instant, `at`, by the database's clock.

    `ready` is the queue by kind of email: planned and due. `held` is by reason. `came_back` has notifications by kind
    since the first that is kept. `last_planned_at` is that of the last plan. `paused` has open
    pauses by scope. `rules_version` is the number of the version in force, None before the first.
    """

    at: datetime
    ready: Mapping[str, Waiting]
    held: Mapping[str, int]
    done: Mapping[tuple[Counted, str], Tally]
    came_back: Mapping[str, int]
    workers: tuple[Heartbeat, ...]
    paused: Mapping[str, int]
    last_planned_at: datetime | None
    rules_version: int | None
    suppressed: int
    customers: int
    latencies: Mapping[tuple[str, int], Tally]
    """The histogram of servers: `ledger.worker_activity.latency_totals`."""
    endpoints: tuple[Endpoint, ...]
    backlogs: Mapping[str, Backlog]
    alerts: tuple[Alert, ...]
    by_guard: int
    """Pauses by guards."""


def operating_figures(connection: Connection) -> OperatingFigures:
    """Reads what waits, not what is done: the cost grows with the queue, and not with the history of emails."""
    now = database_time(connection)
    active = campaigns.c.retired_at.is_(None)
    return OperatingFigures(
        at=now,
        ready=_ready(connection, now),
        held=_by(connection, promises, promises.c.reason, promises.c.state == State.HELD),
        done=worker_activity.totals(connection),
        came_back=_by(connection, notifications, notifications.c.kind),
        workers=tuple(worker_activity.workers(connection)),
        paused=_by(connection, switches, switches.c.scope, switches.c.resumed_at.is_(None)),
        last_planned_at=connection.scalar(select(func.max(campaigns.c.planned_at)).where(active)),
        rules_version=connection.scalar(select(func.max(applied_versions.c.id))),
        suppressed=int(connection.scalar(select(func.count()).select_from(suppressions)) or 0),
        customers=int(connection.scalar(select(func.count()).where(customers.c.erased_at.is_(None))) or 0),
        latencies=worker_activity.latency_totals(connection),
        endpoints=tuple(endpoints(connection)),
        backlogs=backlogs(connection),
        alerts=tuple(present_alerts(connection)),
        by_guard=sum(_by(connection, switches, switches.c.scope, *_BY_GUARD).values()),
    )


_BY_GUARD = (switches.c.resumed_at.is_(None), switches.c.by_guard.is_(True))


def _ready(connection: Connection, now: datetime) -> dict[str, Waiting]:
    due = (promises.c.state == State.PLANNED, promises.c.next_at <= now)
    query = select(promises.c.kind, func.count(), func.min(promises.c.next_at)).where(*due).group_by(promises.c.kind)
    return {kind: Waiting(int(number), oldest) for kind, number, oldest in connection.execute(query)}


def _by(connection: Connection, table: Table, column: Column[Any], *where: ColumnElement[bool]) -> dict[str, int]:
    query = select(column, func.count()).select_from(table).where(*where).group_by(column)
    return {str(value): int(number) for value, number in connection.execute(query)}
