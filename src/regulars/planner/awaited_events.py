"""The events for which clients wait in a sequence: the first that happened after the wait began, and in time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, func, literal, select
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.event_source import event_source
from regulars.db.json_fields import BY_TYPE
from regulars.db.tables import customers, decisions
from regulars.rules.steps import WaitFor


def first_events(
    context: PlanContext, active: ActiveCampaign, item: WaitFor, waiting: ColumnElement[bool]
) -> Select[Any]:
    """(decision id, when it happened, cause) of the decisions that wait and whose event happened.

    An event at the very instant at which the wait began does not count, one at its end does: so no event counts for two
    waits in a row. What counts is when it happened, of all events that are known now.
    """
    awaited, campaign = item.wait_for, active.campaign
    happened = event_source(awaited.event).alias("awaited")
    joined = (
        decisions.join(customers, customers.c.id == decisions.c.customer_id)
        .join(context.facts, context.facts.c.customer_id == customers.c.id)
        .join(happened, happened.c.customer_id == decisions.c.customer_id)
    )
    chosen = [
        waiting,
        happened.c.occurred_at > decisions.c.began_at,
        happened.c.occurred_at <= decisions.c.until_at,
        happened.c.occurred_at <= context.now,
        context.holds(
            "campaigns", campaign.name, *campaign.route.stops[item.key].loc, "if",
            event_data=happened.c.data, event_at=happened.c.occurred_at,
        ),
    ]  # fmt: skip
    if awaited.same:
        assert campaign.on is not None
        origin = event_source(campaign.on).alias("origin")
        joined = joined.join(origin, origin.c.id == decisions.c.source_id)
        types = context.rulebook.events
        chosen.append(
            and_(
                *(
                    BY_TYPE[types[awaited.event][name]](happened.c.data, literal(name))
                    == BY_TYPE[types[campaign.on][name]](origin.c.data, literal(name))
                    for name in awaited.same
                )
            )
        )
    order = (happened.c.occurred_at, happened.c.id)
    place = func.row_number().over(partition_by=decisions.c.id, order_by=order).label("place")
    cause = (literal("event:") + happened.c.external_id).label("cause")
    columns = (decisions.c.id.label("id"), happened.c.occurred_at.label("at"), cause, place)
    first = select(*columns).select_from(joined).where(*chosen).subquery("first_event")
    return select(first.c.id, first.c.at, first.c.cause).where(first.c.place == 1)
