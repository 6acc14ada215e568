"""Quiet hours in the client's time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Text, select, update
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.rowset import rowset
from regulars.db.states import Reason, State
from regulars.db.tables import customers, promises
from regulars.db.types import to_micros


def quiet_until(context: PlanContext) -> dict[str, datetime]:
    """The end of quiet hours, for each zone that has them now."""
    quiet = context.rulebook.policy.quiet_hours
    if quiet is None:
        return {}
    ends = ((zone, quiet.next_end(context.now, zone)) for zone in context.zones)
    return {zone: end for zone, end in ends if end is not None}


def hold_quiet(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Iterable[ActiveCampaign],
    chosen: ColumnElement[bool],
) -> int:
    """Holds the chosen promises of clients in quiet hours until these end; returns the number held."""
    quiet_zones = quiet_until(context)
    keys = sorted(active.key for active in active_campaigns if active.campaign.obeys_quiet_hours)
    if not quiet_zones or not keys:
        return 0
    ends = [(zone, to_micros(end)) for zone, end in sorted(quiet_zones.items())]
    nights = rowset(connection, "nights", {"zone": Text(), "ends": BigInteger()}, ends)
    waiting = (
        select(promises.c.id, nights.c.ends)
        .select_from(
            promises.join(customers, customers.c.id == promises.c.customer_id).join(
                nights, nights.c.zone == context.zone
            )
        )
        .where(promises.c.campaign.in_(keys), chosen)
        .subquery()
    )
    return connection.execute(
        update(promises)
        .where(promises.c.id == waiting.c.id)
        .values(state=State.HELD, reason=Reason.QUIET_HOURS, detail=None, next_at=waiting.c.ends)
    ).rowcount
