"""Who is in the state that a `when` campaign waits for, kept by difference: who entered, who left.

A stay in the state is one occurrence. Those who were in it already when the rule came are the baseline:
they count as members but are not written to until they have left and entered again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Insert, Text, Update, exists, literal, select, update
from sqlalchemy.sql import Select

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.engine import insert
from regulars.db.tables import customers, members
from regulars.db.types import Instant


@dataclass(frozen=True, slots=True)
class Movement:
    """How many entered and left one campaign's state; baseline entries are not written to."""

    entered: int
    left: int
    baseline: bool


def update_members(
    connection: Connection, context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign]
) -> dict[str, Movement]:
    """Brings the members of every `when` campaign up to now; by key, who moved."""
    return {
        key: _move_one(connection, context, active)
        for key, active in active_campaigns.items()
        if active.campaign.when is not None and active.campaign.enabled
    }


def _move_one(connection: Connection, context: PlanContext, active: ActiveCampaign) -> Movement:
    left = connection.execute(context.cached(("left",), active, lambda at: _leaving(at, active))).rowcount
    baseline = active.planned_at is None and active.campaign.backfill.mode != "all"
    if active.planned_at is None and not baseline:  # the rule now asks for those already past it
        connection.execute(update(members).where(members.c.campaign == active.key).values(baseline=False))
    entering = context.cached(("entered",), active, lambda at: _entering(at, active, baseline))
    entered = connection.execute(entering, execution_options={"preserve_rowcount": True}).rowcount
    return Movement(entered, left, baseline)


def _matching(context: PlanContext, active: ActiveCampaign) -> Select[tuple[int]]:
    return (
        select(customers.c.id)
        .select_from(customers.join(context.facts, context.facts.c.customer_id == customers.c.id))
        .where(context.state(active.campaign.name), customers.c.erased_at.is_(None))
    )


def _leaving(context: PlanContext, active: ActiveCampaign) -> Update:
    here = _matching(context, active).subquery()
    return (
        update(members)
        .where(
            members.c.campaign == active.key,
            members.c.left_at.is_(None),
            context.is_selected(members.c.customer_id),
            ~exists().where(here.c.id == members.c.customer_id),
        )
        .values(left_at=context.deferred(Instant(), lambda at: at.now))
    )


def _entering(context: PlanContext, active: ActiveCampaign, baseline: bool) -> Insert:
    inside = exists().where(
        members.c.campaign == active.key, members.c.customer_id == customers.c.id, members.c.left_at.is_(None)
    )
    now = context.deferred(Instant(), lambda at: at.now)
    occurrence = context.deferred(Text(), lambda at: f"{at.now:%Y-%m-%dT%H:%M:%SZ}")
    rows = (
        _matching(context, active).where(~inside).add_columns(literal(active.key), occurrence, now, literal(baseline))
    )
    statement = insert(context.connection, members).from_select(
        ["customer_id", "campaign", "occurrence", "entered_at", "baseline"], rows
    )
    return statement.on_conflict_do_update(
        index_elements=["campaign", "customer_id"],
        set_={"occurrence": occurrence, "entered_at": now, "left_at": None, "baseline": baseline},
        where=members.c.left_at.is_not(None),
    )
