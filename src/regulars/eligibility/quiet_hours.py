"""Quiet hours and windows of the week, in the client's time zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Text, select, update
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.rowset import rowset
from regulars.db.states import Reason, State
from regulars.db.tables import customers, promises
from regulars.db.types import to_micros


@dataclass(frozen=True, slots=True)
class Closed:
    """Until when no marketing email goes in a zone, and for which reason now."""

    until: datetime
    reason: Reason


def closed_zones(context: PlanContext) -> dict[str, Closed]:
    """For each zone in which it is quiet now, or no window is open: when the next email may go."""
    times = context.rulebook.policy.send_times
    if times is None:
        return {}
    found = {}
    for zone in context.zones:
        opens = times.opens_at(context.now, zone)
        if opens > context.now:
            outside = times.window_opens_at(context.now, zone) > context.now
            found[zone] = Closed(opens, Reason.WINDOW if outside else Reason.QUIET_HOURS)
    return found


def hold_closed(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Iterable[ActiveCampaign],
    chosen: ColumnElement[bool],
) -> int:
    """Holds the chosen promises of clients in quiet hours or outside the windows until an email may go.

    Returns the number held.
    """
    closed = closed_zones(context)
    keys = sorted(active.key for active in active_campaigns if active.campaign.obeys_quiet_hours)
    if not closed or not keys:
        return 0
    rows = [(zone, to_micros(one.until), one.reason.value) for zone, one in sorted(closed.items())]
    hours = rowset(connection, "closed_hours", {"zone": Text(), "ends": BigInteger(), "reason": Text()}, rows)
    waiting = (
        select(promises.c.id, hours.c.ends, hours.c.reason)
        .select_from(
            promises.join(customers, customers.c.id == promises.c.customer_id).join(hours, hours.c.zone == context.zone)
        )
        .where(promises.c.campaign.in_(keys), chosen)
        .subquery()
    )
    return connection.execute(
        update(promises)
        .where(promises.c.id == waiting.c.id)
        .values(state=State.HELD, reason=waiting.c.reason, detail=None, next_at=waiting.c.ends)
    ).rowcount
