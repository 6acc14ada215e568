"""Reasons not to send a promise after all, as one SQL expression per campaign.

The first that applies is the one recorded: address, suppression, consent, the goal, the rule's own conditions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, false, func, null, select
from sqlalchemy.sql import ColumnElement, and_, exists, or_

from regulars.clearance.goals import goal_met
from regulars.clearance.ground import Ground
from regulars.clearance.live import Live
from regulars.ledger import Reason
from regulars.rules.model import Kind, Step
from regulars.store import visits
from regulars.store.fields import told_from_event
from regulars.store.happenings import happenings
from regulars.store.tables import consents, customers, products, promises, suppressions
from regulars.store.types import to_micros


def doubts(ground: Ground, live: Live, chosen: ColumnElement[bool]) -> Select[tuple[int, str | None]]:
    """(promise id, reason or NULL) for the chosen promises, which are all of this one campaign."""
    name = live.campaign.name
    source = happenings(live.campaign.on) if live.campaign.on else None
    joined = promises.join(customers, customers.c.id == promises.c.customer_id).join(
        ground.facts, ground.facts.c.customer_id == customers.c.id
    )
    given: dict[str, Any] = {}
    if source is not None:
        joined = joined.outerjoin(source, source.c.id == promises.c.source_id)
        given = {"event_data": source.c.data, "event_at": source.c.occurred_at}
    elif live.campaign.new is not None:
        joined = joined.outerjoin(products, products.c.id == promises.c.source_id)
        given = {"product": products}
    reason = case(
        *rights(ground, live),
        *_off(ground, live, given.get("event_data")),
        (goal_met(ground, live, promises), Reason.GOAL_MET),
        (~_rule_holds(ground, live, name, given), Reason.CONDITION),
        *[
            (and_(promises.c.step == step.key, ~holds), Reason.STEP_CONDITION)
            for step, holds in _step_conditions(ground, live, given)
        ],
        else_=null(),
    )
    return select(promises.c.id, reason.label("reason")).select_from(joined).where(chosen)


def _off(ground: Ground, live: Live, data: ColumnElement[object] | None) -> list[tuple[ColumnElement[bool], Reason]]:
    """The visit that was booked no longer stands, or its time was put off in the booking itself."""
    if live.campaign.on != visits.BOOKED:
        return []
    early = [
        and_(promises.c.step == step.key, told_from_event(step.at, data) > to_micros(ground.now))
        for step in live.campaign.steps
        if step.at is not None and data is not None
    ]
    return [
        (visits.cancelled(promises.c.source_id, ground.now), Reason.CANCELLED),
        (or_(visits.moved(promises.c.source_id, ground.now), *early), Reason.MOVED),
    ]


def rights(ground: Ground, live: Live) -> list[tuple[ColumnElement[bool], Reason]]:
    """What the client (or the lack of an address) forbids."""
    if live.campaign.to == "manager":
        return [(customers.c.manager_id.is_(None), Reason.NO_MANAGER)]
    marketing = live.campaign.kind is Kind.MARKETING
    suppressed = exists().where(
        suppressions.c.email_hash == customers.c.email_hash,
        suppressions.c.scope.in_(["all", "marketing"] if marketing else ["all"]),
    )
    found: list[tuple[ColumnElement[bool], Reason]] = [
        (or_(customers.c.email.is_(None), customers.c.erased_at.is_not(None)), Reason.NO_ADDRESS),
        (suppressed, Reason.SUPPRESSED),
    ]
    if live.campaign.sender == "manager":
        found.append((customers.c.manager_id.is_(None), Reason.NO_MANAGER))
    if marketing:
        found += _consent(ground, {"marketing", live.campaign.topic})
    return found


def _consent(ground: Ground, topics: set[str]) -> list[tuple[ColumnElement[bool], Reason]]:
    word = exists().where(consents.c.customer_id == customers.c.id, consents.c.topic.in_(sorted(topics)))
    found: list[tuple[ColumnElement[bool], Reason]] = [
        (word.where(consents.c.granted.is_(false())), Reason.UNSUBSCRIBED)
    ]
    if ground.rulebook.policy.consent == "opt-in":
        found.append((~word, Reason.NO_CONSENT))
    return found


def _rule_holds(ground: Ground, live: Live, name: str, given: dict[str, Any]) -> ColumnElement[bool]:
    """A state or value must last through all steps; what else set the campaign off needs its audience at the first."""
    if live.campaign.when is not None:
        return ground.state(name)
    audience = ground.holds("campaigns", name, "audience", **given)
    holds = or_(promises.c.step.not_in([step.key for step in live.campaign.opening]), audience)
    if live.campaign.each is None:
        return holds
    return and_(func.coalesce(ground.value(name) == promises.c.occurrence, False), holds)


def _step_conditions(ground: Ground, live: Live, given: dict[str, Any]) -> list[tuple[Step, ColumnElement[bool]]]:
    name = live.campaign.name
    return [
        (step, ground.holds("campaigns", name, "steps", index, "if", **given))
        for index, step in enumerate(live.campaign.steps)
        if step.condition is not None
    ]
