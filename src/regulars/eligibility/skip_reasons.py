"""Reasons not to send a promise after all, as one SQL expression per campaign.

The first that applies is the one recorded: address, suppression, consent, the goal, the rule's own conditions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, false, func, null, select
from sqlalchemy.sql import ColumnElement, and_, exists, or_

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.event_source import event_source
from regulars.db.json_fields import instant_in_event
from regulars.db.states import Reason
from regulars.db.tables import consents, customers, products, promises, suppressions
from regulars.db.types import to_micros
from regulars.eligibility.goals import goal_met
from regulars.profile import visits
from regulars.rules.model import Kind, Step


def skip_reasons(
    context: PlanContext, active: ActiveCampaign, chosen: ColumnElement[bool]
) -> Select[tuple[int, str | None]]:
    """(promise id, reason or NULL) for the chosen promises, which are all of this one campaign."""
    name = active.campaign.name
    source = event_source(active.campaign.on) if active.campaign.on else None
    joined = promises.join(customers, customers.c.id == promises.c.customer_id).join(
        context.facts, context.facts.c.customer_id == customers.c.id
    )
    given: dict[str, Any] = {}
    if source is not None:
        joined = joined.outerjoin(source, source.c.id == promises.c.source_id)
        given = {"event_data": source.c.data, "event_at": source.c.occurred_at}
    elif active.campaign.new is not None:
        joined = joined.outerjoin(products, products.c.id == promises.c.source_id)
        given = {"product": products}
    reason = case(
        *missing_rights(context, active),
        *_off(context, active, given.get("event_data")),
        (goal_met(context, active, promises), Reason.GOAL_MET),
        (~_rule_holds(context, active, name, given), Reason.CONDITION),
        *[
            (and_(promises.c.step == step.key, ~holds), Reason.STEP_CONDITION)
            for step, holds in _step_conditions(context, active, given)
        ],
        else_=null(),
    )
    return select(promises.c.id, reason.label("reason")).select_from(joined).where(chosen)


def _off(
    context: PlanContext, active: ActiveCampaign, data: ColumnElement[object] | None
) -> list[tuple[ColumnElement[bool], Reason]]:
    """The visit that was booked no longer stands, or its time was put off in the booking itself."""
    if active.campaign.on != visits.BOOKED:
        return []
    early = [
        and_(promises.c.step == step.key, instant_in_event(step.at, data) > to_micros(context.now))
        for step in active.campaign.steps
        if step.at is not None and data is not None
    ]
    return [
        (visits.cancelled(promises.c.source_id, context.now), Reason.CANCELLED),
        (or_(visits.moved(promises.c.source_id, context.now), *early), Reason.MOVED),
    ]


def missing_rights(context: PlanContext, active: ActiveCampaign) -> list[tuple[ColumnElement[bool], Reason]]:
    """What the client (or the lack of an address) forbids."""
    if active.campaign.to == "manager":
        return [(customers.c.manager_id.is_(None), Reason.NO_MANAGER)]
    marketing = active.campaign.kind is Kind.MARKETING
    suppressed = exists().where(
        suppressions.c.email_hash == customers.c.email_hash,
        suppressions.c.scope.in_(["all", "marketing"] if marketing else ["all"]),
    )
    found: list[tuple[ColumnElement[bool], Reason]] = [
        (or_(customers.c.email.is_(None), customers.c.erased_at.is_not(None)), Reason.NO_ADDRESS),
        (suppressed, Reason.SUPPRESSED),
    ]
    if active.campaign.sender == "manager":
        found.append((customers.c.manager_id.is_(None), Reason.NO_MANAGER))
    if marketing:
        found += _consent(context, {"marketing", active.campaign.topic})
    return found


def _consent(context: PlanContext, topics: set[str]) -> list[tuple[ColumnElement[bool], Reason]]:
    word = exists().where(consents.c.customer_id == customers.c.id, consents.c.topic.in_(sorted(topics)))
    found: list[tuple[ColumnElement[bool], Reason]] = [
        (word.where(consents.c.granted.is_(false())), Reason.UNSUBSCRIBED)
    ]
    if context.rulebook.policy.consent == "opt-in":
        found.append((~word, Reason.NO_CONSENT))
    return found


def _rule_holds(context: PlanContext, active: ActiveCampaign, name: str, given: dict[str, Any]) -> ColumnElement[bool]:
    """A state or value must last through all steps; what else set the campaign off needs its audience at the first."""
    if active.campaign.when is not None:
        return context.state(name)
    audience = context.holds("campaigns", name, "audience", **given)
    holds = or_(promises.c.step.not_in([step.key for step in active.campaign.opening]), audience)
    if active.campaign.each is None:
        return holds
    return and_(func.coalesce(context.value(name) == promises.c.occurrence, False), holds)


def _step_conditions(
    context: PlanContext, active: ActiveCampaign, given: dict[str, Any]
) -> list[tuple[Step, ColumnElement[bool]]]:
    name = active.campaign.name
    return [
        (step, context.holds("campaigns", name, "steps", index, "if", **given))
        for index, step in enumerate(active.campaign.steps)
        if step.condition is not None
    ]
