"""The points of clients: a ledger whose every entry stands on a purchase or an event, so that it always adds up.

Nothing is kept but the sums, in `facts`; an entry that should not have been goes with what it stood on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Subquery,
    Text,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.sql.expression import CompoundSelect

from regulars.store.fields import regulars_field_number
from regulars.store.functions import regulars_whole
from regulars.store.tables import events, purchases
from regulars.store.types import MONEY_SCALE, Instant
from regulars.store.upto import Restriction, upto

PER_VISIT = 10
"""Points for each purchase after the first, besides one for each whole unit of money spent."""
PER_REFERRAL = 50
"""Points for `referral.bought`: somebody they sent to us bought."""
LEVELS = (100, 500, 1500)
"""Points earned with which each level begins; below the first it is level 0."""
MOST = 1_000_000.0
"""Points that one event may give or take."""

REFERRAL, GRANTED, USED = "referral.bought", "points.granted", "points.used"
EVENTS = (REFERRAL, GRANTED, USED)


def entries(now: datetime | None = None, customer_ids: Restriction | None = None) -> CompoundSelect[Any]:
    """Every entry: customer_id, at, points (below zero: taken), reason (spent, visit, or the event's name)."""
    units = type_coerce(purchases.c.amount, BigInteger).op("/")(literal(MONEY_SCALE, BigInteger))  # cut, not rounded
    money = select(
        purchases.c.customer_id, purchases.c.occurred_at.label("at"),
        type_coerce(units, BigInteger).label("points"),
        literal("spent", Text).label("reason"),
    ).where(units != 0)  # fmt: skip
    order = func.row_number().over(
        partition_by=purchases.c.customer_id, order_by=(purchases.c.occurred_at, purchases.c.id)
    )
    ranked = upto(
        select(purchases.c.customer_id, purchases.c.occurred_at.label("at"), order.label("visit")),
        purchases, now, customer_ids,
    ).subquery("visits")  # fmt: skip
    visits = select(
        ranked.c.customer_id, ranked.c.at, literal(PER_VISIT, BigInteger), literal("visit", Text)
    ).where(ranked.c.visit > 1)  # fmt: skip
    return union_all(upto(money, purchases, now, customer_ids), visits, _by_events(now, customer_ids))


def sums(now: datetime | None = None, customer_ids: Restriction | None = None) -> Subquery:
    """Per client who has entries: `points` that are left, and `points_earned` in all."""
    each = entries(now, customer_ids).subquery("entries")
    return (
        select(
            each.c.customer_id,
            cast(func.sum(each.c.points), BigInteger).label("points"),
            cast(func.sum(case((each.c.points > 0, each.c.points), else_=0)), BigInteger).label("points_earned"),
        )
        .group_by(each.c.customer_id)
        .subquery("points")
    )


def ledger(connection: Connection, customer_id: int, now: datetime) -> list[tuple[datetime, int, str]]:
    """One client's entries, the earliest first, as (at, points, reason)."""
    each = entries(now, [customer_id]).subquery("entries")
    columns = (type_coerce(each.c.at, Instant), each.c.points, each.c.reason)
    rows = connection.execute(select(*columns).order_by(each.c.at, each.c.reason, each.c.points))
    return [(at, int(points), reason) for at, points, reason in rows]


def _by_events(now: datetime | None, customer_ids: Restriction | None) -> Any:
    said = regulars_field_number(events.c.data, literal("points", Text))
    usable = case((said.between(0.0, MOST), said), else_=0.0)
    points = case(
        (events.c.name == REFERRAL, literal(PER_REFERRAL, BigInteger)),
        (events.c.name == GRANTED, regulars_whole(usable)),
        else_=-regulars_whole(usable),
    )
    query = select(events.c.customer_id, events.c.occurred_at.label("at"), points.label("points"), events.c.name)
    return upto(query.where(events.c.name.in_(EVENTS)), events, now, customer_ids)
