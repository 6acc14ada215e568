"""Whether a campaign's `until` event has happened since its trigger; after it no further email is sent."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Select, exists, false, func, literal, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.event_source import event_source
from regulars.db.json_fields import BY_TYPE
from regulars.db.tables import decisions, promises
from regulars.db.types import MICROSECOND, Instant
from regulars.triggers.kinds import trigger_of

Column = ColumnElement[Any]


def goal_met(context: PlanContext, active: ActiveCampaign, row: Any) -> ColumnElement[bool]:
    """Whether the campaign's `until` has happened since the trigger of the promise `row`."""
    until, campaign = active.campaign.until, active.campaign
    if until is None:
        return false()
    goal = event_source(until.event).alias("goal")
    at = type_coerce(goal.c.occurred_at, BigInteger)
    begun = func.coalesce(trigger_of(campaign).began_at(active, row), _promised(active, row))
    # The trigger event itself does not end the campaign; another event of the same instant can.
    since = at > begun if campaign.on in (None, until.event) else at >= begun
    now = context.deferred(Instant(), lambda at: at.now)
    found = exists().where(goal.c.customer_id == row.c.customer_id, since, goal.c.occurred_at <= now)
    for name in until.same:
        found = found.where(_value(context, until.event, goal, name) == _of_source(context, active, row, name))
    return found


def _promised(active: ActiveCampaign, row: Any) -> Column:
    """When the first email of the sequence was promised; for dates, when its wait began."""
    first = promises.alias("first")
    calendar = trigger_of(active.campaign).due_from_beginning and not active.campaign.lead.working
    began = type_coerce(first.c.due_at, BigInteger) - active.campaign.lead.span // MICROSECOND
    found = select(func.min(began if calendar else type_coerce(first.c.created_at, BigInteger))).where(
        first.c.campaign == row.c.campaign,
        first.c.customer_id == row.c.customer_id,
        first.c.occurrence == row.c.occurrence,
    )
    if active.campaign.opening:
        return _one(row, found)
    entered = decisions.alias("entered")
    begun = select(func.min(type_coerce(entered.c.began_at, BigInteger))).where(
        entered.c.campaign == row.c.campaign,
        entered.c.customer_id == row.c.customer_id,
        entered.c.occurrence == row.c.occurrence,
    )
    return func.coalesce(_one(row, begun), _one(row, found))


def _of_source(context: PlanContext, active: ActiveCampaign, row: Any, name: str) -> Column:
    assert active.campaign.on is not None
    source = event_source(active.campaign.on).alias("origin")
    value = _value(context, active.campaign.on, source, name)
    return _one(row, select(value).where(source.c.id == row.c.source_id))


def _value(context: PlanContext, event: str, happened: Any, name: str) -> Column:
    return BY_TYPE[context.rulebook.events[event][name]](happened.c.data, literal(name))


def _one(row: Any, query: Select[Any]) -> Column:
    return query.correlate(row).scalar_subquery()
