"""Clients whom another campaign starts: they enter with an occurrence made of the names of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, and_, false, literal, or_
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.tables import customers, decisions
from regulars.rules.model import Campaign
from regulars.rules.starting import STARTED_BY, starters, starts
from regulars.rules.steps import STARTED
from regulars.triggers.candidate_rows import begun, clients, floor, shape, wave
from regulars.triggers.kinds import trigger_of
from regulars.triggers.waits import with_wait


def starters_first(active_campaigns: Mapping[str, ActiveCampaign]) -> list[ActiveCampaign]:
    """The campaigns that others start, each after those that start it; rule files have no circle of them."""
    named = {active.campaign.name: active for active in active_campaigns.values()}
    targets = {
        name: [target for stop in active.campaign.route.decisions if (target := starts(stop.item)) in named]
        for name, active in named.items()
        if active.campaign.route.decisions
    }
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for target in targets.get(name, ()):
            add(str(target))
        ordered[name] = None

    for name in targets:
        add(name)
    entered = {target for found in targets.values() for target in found}
    return [named[name] for name in reversed(list(ordered)) if name in entered]


def started_clients(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Clients whom other campaigns started, after the first step's wait, who match the audience now."""
    campaign, book = active.campaign, context.rulebook
    steps = [
        and_(decisions.c.campaign == context.keys.get(name, name), decisions.c.step.in_(keys))
        for name, keys in starters(book, campaign.name).items()
    ]
    chosen = [
        or_(false(), *steps),
        decisions.c.branch == STARTED,
        decisions.c.at <= begun(context, campaign.lead),
        decisions.c.decided_at > floor(context, active, campaign.lead),
        context.is_selected(decisions.c.customer_id),
    ]
    source, due_at = with_wait(context, decisions, decisions.c.at, campaign.lead, chosen)
    joined, given = _with_subject(campaign, clients(context).join(source, decisions.c.customer_id == customers.c.id))
    occurrence: ColumnElement[str] = literal(STARTED_BY) + decisions.c.campaign + literal(":") + decisions.c.occurrence
    places = wave(context, active, **given)
    audience = context.holds("campaigns", campaign.name, "audience", **given)
    return shape(joined, occurrence, due_at, decisions.c.source_id, places).where(*chosen, audience)


def _with_subject(campaign: Campaign, joined: Any) -> tuple[Any, Mapping[str, Any]]:
    """With the event that triggered the sequence before, where both campaigns have the same."""
    return trigger_of(campaign).join_source(joined, decisions) if campaign.on is not None else (joined, {})
