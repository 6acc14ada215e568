"""Quiet hours: nobody is written to at night by their own clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Text, select, update
from sqlalchemy.sql import ColumnElement

from regulars.clearance.ground import Ground
from regulars.clearance.live import Live
from regulars.ledger import Reason, State
from regulars.store.rowset import rowset
from regulars.store.tables import customers, promises
from regulars.store.types import to_micros


def mornings(ground: Ground) -> dict[str, datetime]:
    """For each zone that is in its quiet hours now: when they end."""
    quiet = ground.rulebook.policy.quiet_hours
    if quiet is None:
        return {}
    ends = ((zone, quiet.next_end(ground.now, zone)) for zone in ground.zones)
    return {zone: end for zone, end in ends if end is not None}


def hold_quiet(connection: Connection, ground: Ground, lives: Iterable[Live], chosen: ColumnElement[bool]) -> int:
    """Holds the chosen promises of clients whose night it is, until it ends; the number held."""
    asleep = mornings(ground)
    keys = sorted(live.key for live in lives if live.campaign.heeds_quiet_hours)
    if not asleep or not keys:
        return 0
    ends = [(zone, to_micros(end)) for zone, end in sorted(asleep.items())]
    nights = rowset(connection, "nights", {"zone": Text(), "ends": BigInteger()}, ends)
    waiting = (
        select(promises.c.id, nights.c.ends)
        .select_from(
            promises.join(customers, customers.c.id == promises.c.customer_id).join(
                nights, nights.c.zone == ground.zone
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
