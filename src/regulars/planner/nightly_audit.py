"""The nightly audit: a full plan right after one that asked only some clients. It must find nothing.

What it finds is planned, so nobody is forgotten; but then the incremental plan has a fault, and the operator is told.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import Connection, func, or_, select, text, update

from regulars.context.plan_context import Ruleset
from regulars.core.calendar import local_date, zone
from regulars.db.tables import members, plan_states, promises, touched_clients
from regulars.planner.affected import turns_of
from regulars.planner.plan import plan

_FROM = time(3)
"""The hour of the company's night."""
_AT_LATEST = timedelta(hours=26)
_FOREIGN = text("xmin <> pg_current_xact_id()::xid")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What the last audit found: how many clients, in which campaigns."""

    clients: int
    campaigns: str
    at: datetime

    @property
    def sentence(self) -> str:
        """For the operator."""
        who = "1 client was" if self.clients == 1 else f"{self.clients:,} clients were"
        return (
            f"{who} found by the full plan of {self.at:%Y-%m-%d %H:%M} UTC that the plans before it had missed, in"
            f" {self.campaigns}: they are planned now; `regulars tick --full` asks everybody again. It is a fault of"
            " Regulars: please report it with these rules"
        )


def audit_due(connection: Connection, now: datetime, zone_name: str) -> bool:
    """Whether a night has begun since the last audit; a database without one has its first in the coming night."""
    state = connection.execute(select(plan_states.c.full_at, plan_states.c.audited_at)).one_or_none()
    if state is None:
        return False
    last = max(filter(None, state))
    tonight = now.astimezone(zone(zone_name)).time() >= _FROM and local_date(last, zone_name) < local_date(
        now, zone_name
    )
    return tonight or now - last >= _AT_LATEST


def audit(connection: Connection, rules: Ruleset, now: datetime) -> AuditResult | None:
    """Plans for everybody at the same instant; what that found is kept, and returned.

    Clients about whom somebody has written meanwhile do not count: they are the next plan's. Nor do campaigns that ask
    what no plan can foresee: for them everybody is asked once per local day (`Turns.flows`).
    """
    newest = connection.scalar(select(func.coalesce(func.max(promises.c.id), 0)))
    before = _moved(connection, now)
    made = plan(connection, rules, now)
    rows = select(promises.c.campaign, promises.c.customer_id).where(promises.c.id > newest)
    found = {*(_moved(connection, now) - before), *((row[0], row[1]) for row in connection.execute(rows))}
    recent = _touched_meanwhile(connection)
    daily = {key for key, one in made.active_campaigns.items() if turns_of(rules, one.campaign).flows}
    missed = {pair for pair in found if not {pair[1], None} & recent and pair[0] not in daily}
    names = ", ".join(sorted({campaign for campaign, _ in missed}))
    number = len({client for _, client in missed})
    values = {"audited_at": now, "full_at": now, "missed": number, "missed_of": names or None}
    connection.execute(update(plan_states).values(values))
    if not missed:
        return None
    result = AuditResult(number, names, now)
    _LOG.error("%s (clients %s)", result.sentence, ", ".join(str(key) for _, key in sorted(missed)[:20]))
    return result


def last_missed(connection: Connection) -> AuditResult | None:
    """What the last audit found that the plans before it had missed; None for nothing."""
    state = connection.execute(select(plan_states).where(plan_states.c.missed > 0)).one_or_none()
    return None if state is None else AuditResult(state.missed, state.missed_of or "", state.audited_at)


def _moved(connection: Connection, now: datetime) -> set[tuple[str, int]]:
    """Who entered or left a state at this instant, by campaign."""
    changed = or_(members.c.entered_at == now, members.c.left_at == now)
    query = select(members.c.campaign, members.c.customer_id).where(changed)
    return {(row[0], row[1]) for row in connection.execute(query)}


def _touched_meanwhile(connection: Connection) -> set[int | None]:
    """The clients whom other transactions have written since; SQLite has none beside this one."""
    if connection.dialect.name != "postgresql":
        return set()
    return set(connection.scalars(select(touched_clients.c.customer_id).where(_FOREIGN)))
