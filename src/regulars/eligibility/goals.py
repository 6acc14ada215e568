"""Whether what a campaign is for has happened since it was set off: the event after which no further email goes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Select, exists, false, func, literal, null, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.event_source import event_source
from regulars.db.json_fields import BY_TYPE
from regulars.db.tables import members, products, promises, values_seen
from regulars.db.types import MICROSECOND, Instant

Column = ColumnElement[Any]


def goal_met(context: PlanContext, active: ActiveCampaign, row: Any) -> ColumnElement[bool]:
    """Whether the campaign's `until` has happened since the sequence of the promise `row` was set off."""
    until, campaign = active.campaign.until, active.campaign
    if until is None:
        return false()
    goal = event_source(until.event).alias("goal")
    at = type_coerce(goal.c.occurred_at, BigInteger)
    begun = func.coalesce(_set_off(active, row), _promised(active, row))
    # What set the campaign off does not end it; another thing of the same instant may.
    since = at > begun if campaign.on in (None, until.event) else at >= begun
    now = context.deferred(Instant(), lambda at: at.now)
    found = exists().where(goal.c.customer_id == row.c.customer_id, since, goal.c.occurred_at <= now)
    for name in until.same:
        found = found.where(_value(context, until.event, goal, name) == _of_source(context, active, row, name))
    return found


def _set_off(active: ActiveCampaign, row: Any) -> Column:
    """When that happened or began which the promise comes from; NULL where nothing did, as with dates."""
    if active.campaign.on is not None:
        source = event_source(active.campaign.on).alias("source")
        return _one(row, select(type_coerce(source.c.occurred_at, BigInteger)).where(source.c.id == row.c.source_id))
    if active.campaign.when is not None:
        stay = members.alias("stay")
        found = select(type_coerce(stay.c.entered_at, BigInteger)).where(
            stay.c.campaign == row.c.campaign,
            stay.c.customer_id == row.c.customer_id,
            stay.c.occurrence == row.c.occurrence,
        )
        return _one(row, found)
    if active.campaign.new is not None:
        return _one(
            row, select(type_coerce(products.c.launched_at, BigInteger)).where(products.c.id == row.c.source_id)
        )
    if active.campaign.each is not None:
        found = select(type_coerce(values_seen.c.at, BigInteger)).where(
            values_seen.c.campaign == row.c.campaign,
            values_seen.c.customer_id == row.c.customer_id,
            values_seen.c.value == row.c.occurrence,
        )
        return _one(row, found)
    return null()


def _promised(active: ActiveCampaign, row: Any) -> Column:
    """When the first email of the sequence was promised; for dates, when its wait began."""
    first = promises.alias("first")
    calendar = active.campaign.on is None and active.campaign.when is None and not active.campaign.lead.working
    began = type_coerce(first.c.due_at, BigInteger) - active.campaign.lead.span // MICROSECOND
    found = select(func.min(began if calendar else type_coerce(first.c.created_at, BigInteger))).where(
        first.c.campaign == row.c.campaign,
        first.c.customer_id == row.c.customer_id,
        first.c.occurrence == row.c.occurrence,
    )
    return _one(row, found)


def _of_source(context: PlanContext, active: ActiveCampaign, row: Any, name: str) -> Column:
    assert active.campaign.on is not None
    source = event_source(active.campaign.on).alias("origin")
    value = _value(context, active.campaign.on, source, name)
    return _one(row, select(value).where(source.c.id == row.c.source_id))


def _value(context: PlanContext, event: str, happened: Any, name: str) -> Column:
    return BY_TYPE[context.rulebook.events[event][name]](happened.c.data, literal(name))


def _one(row: Any, query: Select[Any]) -> Column:
    return query.correlate(row).scalar_subquery()
