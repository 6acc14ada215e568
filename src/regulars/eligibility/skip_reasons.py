"""Reasons to skip a promise, as one SQL expression per campaign.

The first that applies is the one recorded: address, suppression, consent, the goal, the rule's own conditions, and last
that the mailbox is in the control group since an earlier plan.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, false, null, select
from sqlalchemy.sql import ColumnElement, and_, exists, or_

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.states import Reason
from regulars.db.tables import consents, customers, promises, refusals, suppressions
from regulars.eligibility.draw import in_control_group
from regulars.eligibility.global_holdout import in_global_control_group
from regulars.eligibility.goals import goal_met
from regulars.rules.model import Kind, Step
from regulars.rules.starting import STARTED_BY, starters
from regulars.triggers.base import Trigger
from regulars.triggers.kinds import trigger_of


def skip_reasons(
    context: PlanContext, active: ActiveCampaign, chosen: ColumnElement[bool]
) -> Select[tuple[int, str | None]]:
    """(promise id, reason or NULL) for the chosen promises, which are all of this one campaign."""
    trigger = trigger_of(active.campaign)
    joined = promises.join(customers, customers.c.id == promises.c.customer_id).join(
        context.facts, context.facts.c.customer_id == customers.c.id
    )
    source, given = trigger.join_source(joined)
    globally = in_global_control_group(context, active)
    reason = case(
        *missing_rights(context, active),
        *trigger.withdrawn(context, given.get("event_data")),
        (goal_met(context, active, promises), Reason.GOAL_MET),
        (~_still_holds(context, active, given), Reason.CONDITION),
        *[
            (and_(promises.c.step == step.key, ~holds), Reason.STEP_CONDITION)
            for step, holds in _step_conditions(context, active, given)
        ],
        *([] if globally is None else [(globally, Reason.GLOBAL_HOLDOUT)]),
        (in_control_group(active), Reason.HOLDOUT),
        else_=null(),
    )
    return select(promises.c.id, reason.label("reason")).select_from(source).where(chosen)


def _still_holds(context: PlanContext, active: ActiveCampaign, given: dict[str, Any]) -> ColumnElement[bool]:
    """The rule's own condition; where another campaign started the sequence, its audience alone."""
    trigger = trigger_of(active.campaign)
    holds = trigger.still_holds(context, active, given)
    if not starters(context.rulebook, active.campaign.name):
        return holds
    audience = Trigger.still_holds(trigger, context, active, given)
    return case((promises.c.occurrence.startswith(STARTED_BY), audience), else_=holds)


def missing_rights(context: PlanContext, active: ActiveCampaign) -> list[tuple[ColumnElement[bool], Reason]]:
    """The missing consent or address."""
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
    # Those whom not every variant can be sent to get none of them, so that the groups are alike.
    if any(form.sender == "manager" for form in active.campaign.forms):
        found.append((customers.c.manager_id.is_(None), Reason.NO_MANAGER))
    if marketing:
        found += _consent(context, {"marketing", active.campaign.topic})
    return found


def _consent(context: PlanContext, topics: set[str]) -> list[tuple[ColumnElement[bool], Reason]]:
    word = exists().where(consents.c.customer_id == customers.c.id, consents.c.topic.in_(sorted(topics)))
    refused = exists().where(refusals.c.email_hash == customers.c.email_hash, refusals.c.topic.in_(sorted(topics)))
    found: list[tuple[ColumnElement[bool], Reason]] = [
        (word.where(consents.c.granted.is_(false())), Reason.UNSUBSCRIBED),
        (refused, Reason.MAILBOX_UNSUBSCRIBED),
    ]
    if context.rulebook.policy.consent == "opt-in":
        found.append((~word, Reason.NO_CONSENT))
    return found


def _step_conditions(
    context: PlanContext, active: ActiveCampaign, given: dict[str, Any]
) -> list[tuple[Step, ColumnElement[bool]]]:
    name = active.campaign.name
    return [
        (step, context.holds("campaigns", name, *active.campaign.place_of(step.key), "if", **given))
        for step in active.campaign.all_steps
        if step.condition is not None
    ]
