"""Parts of the SELECTs of due clients, which every kind of trigger combines in its own way.

All have the same columns: wave (place among the waves), customer_id, occurrence (text), due_at (microseconds),
source_id (the event, purchase or product, or NULL), bucket. Conditions of the audience are included;
`planner.promise` alone removes what the ledger already has.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    FromClause,
    Integer,
    Join,
    Select,
    Text,
    case,
    cast,
    literal,
    null,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.working import Wait
from regulars.db.rowset import encoded, rows_of
from regulars.db.tables import customers
from regulars.db.types import Instant, Key

OVERLAP = timedelta(hours=1)
"""Margin before the last plan in the search for arrived events: longer than any import's transaction."""
LOOK_BACK = timedelta(days=400)
"""How long after its date a recurring email is still recorded as late: more than a year."""
TIMES: dict[str, TypeEngine[Any]] = {"zone": Text(), "occurrence": Text(), "due_at": BigInteger()}
"""Columns of the table of calendar due times."""
DueRows = Callable[[PlanContext, ActiveCampaign], list[tuple[Any, ...]]]
"""Calendar due times as rows, zone by zone."""

_NO_SOURCE = cast(null(), Key)


def begun(context: PlanContext, wait: Wait) -> ColumnElement[Any]:
    """The latest start whose wait is over by now."""
    working = context.rulebook.company.working_time
    return context.deferred(Instant(), lambda at: working.before(at.now, wait))


def floor(context: PlanContext, active: ActiveCampaign, wait: Wait) -> ColumnElement[Any]:
    """The start before which everything due was decided already."""
    working, policy = context.rulebook.company.working_time, context.rulebook.policy
    return context.deferred_for(active, Instant(), lambda at, of: working.before(of.floor(at.now, policy), wait))


def waits_ending(
    context: PlanContext, moment: ColumnElement[Any], wait: Wait, after: datetime
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether a wait that begins at the moment ends in (after, now], for a WHERE."""
    working = context.rulebook.company.working_time
    first, last = working.before(after, wait), working.before(context.now, wait)
    return moment > literal(first, Instant()), moment <= literal(last, Instant())


def after_last_plan(context: PlanContext, active: ActiveCampaign, received: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it arrived after the last plan: events long past are promised too, and found late."""
    last = context.deferred_for(active, Instant(), lambda _, of: of.planned_at - OVERLAP if of.planned_at else None)
    return received > last


def clients(context: PlanContext) -> Join:
    """Clients with their facts."""
    return customers.join(context.facts, context.facts.c.customer_id == customers.c.id)


def wave(context: PlanContext, active: ActiveCampaign, **given: Any) -> ColumnElement[int]:
    """The index of the first wave whose condition is true now; NULL for none, 0 where there are no waves."""
    waves = active.campaign.waves
    places = [
        (context.holds("campaigns", active.campaign.name, "waves", place, "to", **given), literal(place, Integer))
        for place in range(len(waves))
    ]
    return case(*places, else_=cast(null(), Integer)) if waves else literal(0, Integer)


def shape(
    joined: FromClause, occurrence: Any, due_at: Any, source_id: Any = _NO_SOURCE,
    wave: ColumnElement[int] | None = None,
) -> Select[Any]:  # fmt: skip
    """The SELECT of due clients, in the columns that all kinds of trigger share."""
    return select(
        (literal(0, Integer) if wave is None else wave).label("wave"),
        customers.c.id.label("customer_id"),
        occurrence.label("occurrence"),
        micros(due_at).label("due_at"),
        source_id.label("source_id"),
        customers.c.bucket.label("bucket"),
    ).select_from(joined)


def falling_due(context: PlanContext, active: ActiveCampaign, types: dict[str, TypeEngine[Any]], rows: DueRows) -> CTE:
    """The calendar's small table, materialized so that the database can index it for the join."""
    text = context.deferred_for(active, Text(), lambda at, of: encoded(at.connection, types, rows(at, of)))
    given = select(rows_of(context.connection, "given", types, text))
    return given.cte("falling_due", nesting=True).prefix_with("MATERIALIZED")


def later(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    """The later of two instants."""
    return case((left >= right, left), else_=right)


def micros(instant: ColumnElement[Any]) -> ColumnElement[int]:
    """An instant as its stored number, for arithmetic."""
    return type_coerce(instant, BigInteger)


def day_text(moment: datetime, shift: timedelta) -> str:
    """The day of the shifted instant as text; for one that was never bounded, a text before every day."""
    return f"{moment + shift:%Y-%m-%d}" if moment.year > 1970 else ""
