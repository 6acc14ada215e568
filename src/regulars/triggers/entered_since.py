"""`backfill: since DAY` of states and values: which clients were past the trigger before, and which entered since.

The condition is evaluated as of the end of earlier days, with the facts and events of then. Fields stored without
history count with their present value; `workspace.past_fields` names them when the rules are checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, Text, Update, bindparam, exists, or_, select, update
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.context.statement_cache import StatementCache
from regulars.core.calendar import instant, local_date
from regulars.db.tables import customers, members, values_seen
from regulars.db.types import Instant
from regulars.profile import facts as fact_store
from regulars.triggers.candidate_rows import clients

_INSTANT = timedelta(microseconds=1)
_COUNTED = {"preserve_rowcount": True}
_POTENTIAL = "potential"
"""The stage of a client without events."""


def occurrence_of(entered_at: datetime) -> str:
    """The name of a stay in a state."""
    return f"{entered_at:%Y-%m-%dT%H:%M:%SZ}"


def include_members_since(context: PlanContext, active: ActiveCampaign) -> int:
    """Removes from the baseline clients who entered the state on the day or later; returns their number.

    The state is evaluated as of the end of each day, from now backwards. Clients not in it then entered after that, so
    the stay counts from the end of the following day. A pause in a state that ends within one day is not seen.
    """
    cache, later, included = StatementCache(), context.now, 0
    inside = select(members.c.customer_id).where(*_baseline(context, active))
    known = fact_store.keep_for_walk(context.connection, context.facts, inside)
    for moment in _ends_of_days(context, active):
        if context.connection.scalar(inside.limit(1)) is None:
            break
        fact_store.step_back(context.connection, later, moment)
        then = replace(context, now=moment, known=known, cache=cache)
        statement = then.cached(("entered since",), active, lambda at: _including(at, active))
        given = {"entered": later, "stay": occurrence_of(later)}
        included += context.connection.execute(statement, given, execution_options=_COUNTED).rowcount
        later = moment
    return included


def include_values_since(context: PlanContext, active: ActiveCampaign) -> int:
    """Removes from the baseline clients who had another value, or none, at the end of the day before."""
    eve = _end_before(_day(active), context)
    if eve >= context.now:
        return 0
    audience = context.holds("campaigns", active.campaign.name, "audience")
    current = _with_value(context, active).where(audience).subquery("current")
    noted = [
        values_seen.c.campaign == active.key,
        values_seen.c.baseline,
        exists().where(current.c.id == values_seen.c.customer_id, current.c.value == values_seen.c.value),
    ]
    whose = select(values_seen.c.customer_id).where(*noted)
    known = fact_store.keep_for_walk(context.connection, context.facts, whose)
    fact_store.step_back(context.connection, context.now, eve)
    then = replace(context, now=eve, known=known, cache=None)
    had = _with_value(then, active).where(_known(then)).subquery("had")
    already = exists().where(had.c.id == values_seen.c.customer_id, had.c.value == values_seen.c.value)
    statement = update(values_seen).where(*noted, ~already).values(baseline=False, at=context.now)
    return context.connection.execute(statement, execution_options=_COUNTED).rowcount


def _day(active: ActiveCampaign) -> date:
    day = active.campaign.backfill.since
    assert day is not None, "asked of a campaign with `backfill: since` only"
    return day


def _end_before(day: date, context: PlanContext) -> datetime:
    return instant(datetime.combine(day, time()), context.rulebook.company.timezone) - _INSTANT


def _ends_of_days(context: PlanContext, active: ActiveCampaign) -> Iterator[datetime]:
    """The ends of the company's days, from yesterday back to the day before that of the rule."""
    day, first = local_date(context.now, context.rulebook.company.timezone), _day(active)
    while day >= first:
        yield _end_before(day, context)
        day -= timedelta(days=1)


def _baseline(context: PlanContext, active: ActiveCampaign) -> list[ColumnElement[bool]]:
    """Members of the baseline, who get no email."""
    return [
        members.c.campaign == active.key,
        members.c.baseline,
        members.c.left_at.is_(None),
        context.is_selected(members.c.customer_id),
    ]


def _including(then: PlanContext, active: ActiveCampaign) -> Update:
    inside = select(customers.c.id).select_from(clients(then)).where(then.state(active.campaign), _known(then))
    was = inside.subquery("was")
    return (
        update(members)
        .where(*_baseline(then, active), ~exists().where(was.c.id == members.c.customer_id))
        .values(
            baseline=False,
            entered_at=bindparam("entered", type_=Instant()),
            occurrence=bindparam("stay", type_=Text()),
        )
    )


def _known(then: PlanContext) -> ColumnElement[bool]:
    """Whether the client was known by then: by their creation date, or by an event."""
    moment = then.deferred(Instant(), lambda at: at.now)
    return or_(customers.c.created_at <= moment, then.facts.c.stage != _POTENTIAL)


def _with_value(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Clients with the campaign's watched value, as of the context's instant."""
    return select(customers.c.id, context.value(active.campaign).label("value")).select_from(clients(context))
