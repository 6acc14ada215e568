"""The values that `each` campaigns watch: every value that a client has is noted once, and the new ones set it off.

What is noted stays, whichever planner came first and however often a value goes and comes back. What clients have when
the rule comes is the baseline: it counts as known and writes to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Insert, exists, literal, select, true, update

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.engine import insert
from regulars.db.tables import customers, values_seen
from regulars.db.types import Instant
from regulars.triggers.members import Movement


def update_values(
    connection: Connection, context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign]
) -> dict[str, Movement]:
    """Brings the values of every `each` campaign up to now; by key, how many are new."""
    return {
        key: _note_one(connection, context, active)
        for key, active in active_campaigns.items()
        if active.campaign.each is not None and active.campaign.enabled
    }


def _note_one(connection: Connection, context: PlanContext, active: ActiveCampaign) -> Movement:
    baseline = active.planned_at is None and active.campaign.backfill.mode != "all"
    if active.planned_at is None and not baseline:  # the rule now asks for those already past it
        connection.execute(update(values_seen).where(values_seen.c.campaign == active.key).values(baseline=False))
    noting = context.cached(("noted",), active, lambda at: _noting(at, active, baseline))
    added = connection.execute(noting, execution_options={"preserve_rowcount": True}).rowcount
    return Movement(added, 0, baseline)


def _noting(context: PlanContext, active: ActiveCampaign, baseline: bool) -> Insert:
    name = active.campaign.name
    value = context.value(name)
    now = select(customers.c.id, value.label("value")).select_from(
        customers.join(context.facts, context.facts.c.customer_id == customers.c.id)
    )
    # A value that somebody outside the audience reaches waits for them to come in.
    audience = true() if baseline else context.holds("campaigns", name, "audience")
    has = now.where(customers.c.erased_at.is_(None), audience).subquery("has")
    known = exists().where(
        values_seen.c.campaign == active.key,
        values_seen.c.customer_id == has.c.id,
        values_seen.c.value == has.c.value,
    )
    seen = context.deferred(Instant(), lambda at: at.now)
    rows = select(literal(active.key), has.c.id, has.c.value, seen, literal(baseline)).where(
        has.c.value.is_not(None), ~known
    )
    statement = insert(context.connection, values_seen).from_select([c.name for c in values_seen.c], rows)
    return statement.on_conflict_do_nothing()
