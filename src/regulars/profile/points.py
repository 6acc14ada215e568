"""The points of clients: a ledger in which every entry derives from a purchase or an event, so that it always adds up.

Only the sums are stored, in `facts`; deleting a purchase or event deletes its entry. The points per entry come from
the tariff tables, which activation of the rules writes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    FromClause,
    Subquery,
    Text,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.expression import CompoundSelect

from regulars.db.as_of import Moment, Restriction, as_of_filter
from regulars.db.json_fields import regulars_field_number
from regulars.db.sql_functions import regulars_whole
from regulars.db.tables import events, point_levels, points_tariff, purchases
from regulars.db.types import MONEY_SCALE, Instant
from regulars.rules.tariff import Points

MOST = 1_000_000.0
"""Maximum number of points that one event may add or subtract."""

REFERRAL, GRANTED, USED = "referral.bought", "points.granted", "points.used"
EVENTS = (REFERRAL, GRANTED, USED)


def entries(now: Moment | None = None, customer_ids: Restriction | None = None) -> CompoundSelect[Any]:
    """Every entry: customer_id, at, points (below zero: taken), reason (spent, visit, or the event's name)."""
    units = _for_money(type_coerce(purchases.c.amount, BigInteger))
    money = select(
        purchases.c.customer_id, purchases.c.occurred_at.label("at"),
        units.label("points"),
        literal("spent", Text).label("reason"),
    ).where(units != 0)  # fmt: skip
    order = func.row_number().over(
        partition_by=purchases.c.customer_id, order_by=(purchases.c.occurred_at, purchases.c.id)
    )
    ranked = as_of_filter(
        select(purchases.c.customer_id, purchases.c.occurred_at.label("at"), order.label("visit")),
        purchases, now, customer_ids,
    ).subquery("visits")  # fmt: skip
    visits = select(
        ranked.c.customer_id, ranked.c.at, _rate(points_tariff.c.per_visit), literal("visit", Text)
    ).where(ranked.c.visit > 1, _rate(points_tariff.c.per_visit) > 0)  # fmt: skip
    return union_all(as_of_filter(money, purchases, now, customer_ids), visits, _by_events(now, customer_ids))


def sums(now: Moment | None = None, customer_ids: Restriction | None = None) -> Subquery:
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


def level_columns(earned: FromClause) -> list[ColumnElement[Any]]:
    """`level`, `next_level` and `points_to_next_level` by that table's `points_earned`; null where there is none."""
    have = func.coalesce(earned.c.points_earned, 0)
    reached = select(point_levels.c.name).where(point_levels.c.least <= have).order_by(point_levels.c.least.desc())
    to_come = select().where(point_levels.c.least > have).order_by(point_levels.c.least)
    wanted: dict[str, Any] = {
        "level": reached,
        "next_level": to_come.add_columns(point_levels.c.name),
        "points_to_next_level": to_come.add_columns(type_coerce(point_levels.c.least - have, BigInteger)),
    }
    return [query.limit(1).correlate(earned).scalar_subquery().label(name) for name, query in wanted.items()]


def put_in_force(connection: Connection, tariff: Points) -> bool:
    """Puts this tariff into force; returns whether it differs from the former one, so that facts are stale.

    Computing facts reads the tariff, so on PostgreSQL a change waits for running computations and blocks new ones
    until it is committed: no client's points are left on the old tariff.
    """
    if in_force(connection) == tariff:
        return False
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE points_tariff, point_levels IN ACCESS EXCLUSIVE MODE"))
    connection.execute(delete(points_tariff))
    connection.execute(delete(point_levels))
    rates = tariff.model_dump(exclude={"levels"})
    connection.execute(insert(points_tariff).values(id=1, **rates))
    if tariff.levels:
        connection.execute(insert(point_levels), [{"name": name, "least": least} for name, least in tariff.ascending])
    return True


def in_force(connection: Connection) -> Points:
    """The tariff in force."""
    names = ("per_currency_unit", "per_visit", "per_referral")
    row = connection.execute(select(*(points_tariff.c[name] for name in names))).mappings().first()
    levels = connection.execute(select(point_levels.c.name, point_levels.c.least)).all()
    return Points(**(row or {}), levels=dict(levels))


def ledger(connection: Connection, customer_id: int, now: datetime) -> list[tuple[datetime, int, str]]:
    """One client's entries, the earliest first, as (at, points, reason)."""
    each = entries(now, [customer_id]).subquery("entries")
    columns = (type_coerce(each.c.at, Instant), each.c.points, each.c.reason)
    rows = connection.execute(
        select(*columns).where(each.c.points != 0).order_by(each.c.at, each.c.reason, each.c.points)
    )
    return [(at, int(points), reason) for at, points, reason in rows]


def _rate(column: Column[Any]) -> ColumnElement[Any]:
    """A number of the tariff; 0 where there is none."""
    return func.coalesce(select(type_coerce(column, BigInteger)).scalar_subquery(), literal(0, BigInteger))


def _for_money(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """Points for an amount in ten-thousandths, rounded down.

    The product may have more digits than a column holds, so it is taken apart: units first, then what is left.
    """
    scale = literal(MONEY_SCALE, BigInteger)
    rate = _rate(points_tariff.c.per_currency_unit)
    units = (amount // scale) * rate  # both databases truncate an integer quotient towards zero
    rest = (units % scale) * scale + (amount % scale) * rate
    return units // scale + rest // literal(MONEY_SCALE**2, BigInteger)


def _by_events(now: Moment | None, customer_ids: Restriction | None) -> Any:
    stated = regulars_field_number(events.c.data, literal("points", Text))
    usable = case((stated.between(0.0, MOST), stated), else_=0.0)
    points = case(
        (events.c.name == REFERRAL, _rate(points_tariff.c.per_referral)),
        (events.c.name == GRANTED, regulars_whole(usable)),
        else_=-regulars_whole(usable),
    )
    query = select(events.c.customer_id, events.c.occurred_at.label("at"), points.label("points"), events.c.name)
    return as_of_filter(query.where(events.c.name.in_(EVENTS)), events, now, customer_ids)
