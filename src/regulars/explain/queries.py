"""All that the database knows of one client and may matter to a campaign: the reading half of `explain`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, false, func, null, or_, select, true

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.errors import NotFound
from regulars.db.states import COUNTED
from regulars.db.tables import (
    consents,
    coupons,
    customers,
    hits,
    members,
    promises,
    refusals,
    suppressions,
)
from regulars.eligibility.skip_reasons import missing_rights
from regulars.insights.lift import Group, lift
from regulars.responses import click_grading
from regulars.rules.grammar import Cap, Goal
from regulars.rules.model import Kind
from regulars.triggers.explained import Row, Stay


@dataclass(frozen=True, slots=True)
class Click:
    """A link of one of the client's emails was followed, by a person or a machine."""

    promise: int
    link: str | None
    at: datetime
    grade: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The client's latest word on a topic."""

    topic: str
    granted: bool
    at: datetime
    source: str


def find(connection: Connection, customer: str) -> int:
    """The key of the client with this external id or, if there is none, this address; raises NotFound."""
    query = (
        select(customers.c.id)
        .where(or_(customers.c.external_id == customer, func.lower(customers.c.email) == customer.strip().lower()))
        .order_by(customers.c.external_id != customer, customers.c.id)
    )
    found = connection.scalar(query)
    if found is None:
        raise NotFound("customer", customer)
    return int(found)


def rows(connection: Connection, customer_id: int) -> list[Row]:
    """All promises of the client, in the order in which they were due."""
    columns = [promises.c[name] for name in Row.__dataclass_fields__]
    query = select(*columns).where(promises.c.customer_id == customer_id).order_by(promises.c.due_at, promises.c.id)
    return [Row(*row) for row in connection.execute(query)]


def stays(connection: Connection, customer_id: int) -> dict[str, Stay]:
    """By campaign key, the client's latest stay in its state."""
    columns = (members.c.campaign, members.c.entered_at, members.c.left_at, members.c.baseline)
    found = connection.execute(select(*columns).where(members.c.customer_id == customer_id))
    return {str(row[0]): Stay(*row[1:]) for row in found}


def clicks(connection: Connection, customer_id: int, now: datetime) -> list[Click]:
    """The clicks on links of the client's emails up to now, the latest first."""
    query = (
        select(hits.c.promise_id, hits.c.link, hits.c.at, hits.c.grade)
        .join(promises, promises.c.id == hits.c.promise_id)
        .where(promises.c.customer_id == customer_id, hits.c.kind == click_grading.HitKind.CLICK, hits.c.at <= now)
        .order_by(hits.c.at.desc(), hits.c.id.desc())
    )
    return [Click(*row) for row in connection.execute(query)]


def missing_right(context: PlanContext, active: ActiveCampaign, customer_id: int) -> str | None:
    """What the client, or the lack of an address, forbids now; None if nothing does."""
    words = case(*((condition, str(reason)) for condition, reason in missing_rights(context, active)), else_=null())
    return context.connection.scalar(select(words).where(customers.c.id == customer_id))


def bucket(connection: Connection, customer_id: int) -> int:
    """The client's own number, for control groups."""
    return int(connection.execute(select(customers.c.bucket).where(customers.c.id == customer_id)).scalar_one())


def consent(connection: Connection, customer_id: int) -> list[Consent]:
    """The client's word on every topic they spoke of."""
    columns = (consents.c.topic, consents.c.granted, consents.c.at, consents.c.source)
    query = select(*columns).where(consents.c.customer_id == customer_id).order_by(consents.c.topic)
    own = [Consent(*row) for row in connection.execute(query)]
    mailbox = customers.join(refusals, refusals.c.email_hash == customers.c.email_hash)
    refused = select(refusals.c.topic, false(), refusals.c.at, refusals.c.source).select_from(mailbox)
    others = [Consent(*row) for row in connection.execute(refused.where(customers.c.id == customer_id))]
    said = {word.topic for word in own if not word.granted}
    theirs = [replace(word, source=f"{word.source}, for this address") for word in others if word.topic not in said]
    return sorted([*own, *theirs], key=lambda word: (word.topic, not word.granted))


def suppression(connection: Connection, customer_id: int) -> tuple[str, str, datetime] | None:
    """(scope, reason, when) under which the client's address is suppressed."""
    joined = suppressions.join(customers, customers.c.email_hash == suppressions.c.email_hash)
    columns = (suppressions.c.scope, suppressions.c.reason, suppressions.c.at)
    row = connection.execute(select(*columns).select_from(joined).where(customers.c.id == customer_id)).one_or_none()
    return None if row is None else (str(row[0]), str(row[1]), row[2])


def coupon(connection: Connection, campaign: str, customer_id: int) -> dict[str, Any] | None:
    """The latest coupon that the campaign (by key) gave the client: its benefit by name, `uses` and `code`."""
    mine = select(coupons.c.offer, coupons.c.uses, coupons.c.code).where(
        coupons.c.campaign == campaign, coupons.c.customer_id == customer_id
    )
    row = connection.execute(mine.order_by(coupons.c.id.desc()).limit(1)).first()
    return None if row is None else {**row[0], "uses": row[1], "code": row[2]}


def goal_reached(connection: Connection, campaign: str, goal: Goal, now: datetime) -> Group:
    """Who was written to by the campaign (by key) so long ago that the goal's time is over, and who reached it."""
    return lift(connection, campaign, goal, now, true()).written


def cap_use(connection: Connection, customer_id: int, cap: Cap, now: datetime) -> int:
    """How many places under the frequency cap the client's emails take now."""
    query = select(func.count()).where(
        promises.c.customer_id == customer_id,
        promises.c.kind == Kind.MARKETING,
        promises.c.recipient == "customer",
        promises.c.state.in_(COUNTED),
        func.coalesce(promises.c.settled_at, promises.c.next_at) > now - cap.per,
    )
    return int(connection.scalar(query) or 0)
