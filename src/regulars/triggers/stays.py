"""Stays in states and segments, updated by difference: who left, who entered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Insert, Select, Text, Update, exists, func, literal, select, update

from regulars.audience import segment_members
from regulars.audience.expression import Expression
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.engine import insert
from regulars.db.tables import customers, members
from regulars.db.types import Instant
from regulars.triggers.candidate_rows import clients
from regulars.triggers.entered_since import occurrence_of

Matching = Callable[[PlanContext], Select[tuple[int]]]
"""The clients who are in a state, or in a segment, at a context's instant."""


def leaving(context: PlanContext, key: str, matching: Matching) -> Update:
    """Ends the stays of members who no longer match."""
    inside = matching(context).subquery()
    return (
        update(members)
        .where(
            members.c.campaign == key,
            members.c.left_at.is_(None),
            context.is_selected(members.c.customer_id),
            ~exists().where(inside.c.id == members.c.customer_id),
        )
        .values(left_at=context.deferred(Instant(), lambda at: at.now))
    )


def entering(context: PlanContext, key: str, matching: Matching, baseline: bool) -> Insert:
    """Begins a stay for each client who matches and is no member."""
    inside = exists().where(
        members.c.campaign == key, members.c.customer_id == customers.c.id, members.c.left_at.is_(None)
    )
    now = context.deferred(Instant(), lambda at: at.now)
    occurrence = context.deferred(Text(), lambda at: occurrence_of(at.now))
    rows = matching(context).where(~inside)
    rows = rows.add_columns(literal(key), occurrence, now, literal(baseline))
    statement = insert(context.connection, members).from_select(
        ["customer_id", "campaign", "occurrence", "entered_at", "baseline"], rows
    )
    return statement.on_conflict_do_update(
        index_elements=["campaign", "customer_id"],
        set_={"occurrence": occurrence, "entered_at": now, "left_at": None, "baseline": baseline},
        where=members.c.left_at.is_not(None),
    )


def update_segments(context: PlanContext, active: ActiveCampaign, state: Expression) -> None:
    """Brings the segments up to date of which the state asks who left them; nothing where it asks of none."""
    for name, edge in {edge.name: edge for edge in state.edges}.items():
        condition = replace(state, text=edge.text, node=edge.body)
        key = segment_members.key(name)
        connection = context.connection

        def matching(at: PlanContext, condition: Expression = condition) -> Select[tuple[int]]:
            inside = func.coalesce(condition.sql(at.scope), False)
            query = select(customers.c.id).select_from(clients(at))
            return query.where(inside, customers.c.erased_at.is_(None))

        def left(at: PlanContext, key: str = key, matching: Matching = matching) -> Update:
            return leaving(at, key, matching)

        def entered(at: PlanContext, key: str = key, matching: Matching = matching) -> Insert:
            return entering(at, key, matching, baseline=True)

        connection.execute(context.cached(("segment left", name), active, left))
        connection.execute(context.cached(("segment entered", name), active, entered))
