"""The database queries of `explain`: data about one client that can matter to a campaign."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, case, false, func, null, select, type_coerce

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.errors import NotFound
from regulars.db.states import COUNTED, State
from regulars.db.tables import (
    consents,
    coupons,
    customers,
    decisions,
    hits,
    members,
    notifications,
    promises,
    refusals,
    suppressions,
)
from regulars.db.types import to_micros
from regulars.eligibility.skip_reasons import missing_rights
from regulars.insights.goal_events import happened_events
from regulars.insights.lift import Group, happened_after
from regulars.profile.identity import clients_called
from regulars.responses import click_grading
from regulars.rules.goal_rules import Goal
from regulars.rules.grammar import Cap
from regulars.rules.model import Kind, Rulebook
from regulars.triggers.explained import Decided, Row, Stay


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a link of one of the client's emails, by a person or a machine."""

    promise: int
    link: str | None
    at: datetime
    grade: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The client's latest decision on a topic."""

    topic: str
    granted: bool
    at: datetime
    source: str


def find(connection: Connection, customer: str) -> int:
    """The key of the client with this outside id or alias or, if there is none, this address; raises NotFound."""
    found = clients_called(connection, customer)
    if not found:
        raise NotFound("customer", customer)
    return found[0]


def decided(connection: Connection, customer_id: int) -> list[Decided]:
    """All decisions of the client, in the order in which they came to them."""
    columns = [decisions.c[name] for name in Decided.__dataclass_fields__]
    query = (
        select(*columns).where(decisions.c.customer_id == customer_id).order_by(decisions.c.began_at, decisions.c.id)
    )
    return [Decided(*row) for row in connection.execute(query)]


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
    """The missing consent or address that blocks emails now; None if nothing does."""
    words = case(*((condition, str(reason)) for condition, reason in missing_rights(context, active)), else_=null())
    return context.connection.scalar(select(words).where(customers.c.id == customer_id))


def consent(connection: Connection, customer_id: int) -> list[Consent]:
    """The client's decision on every topic they decided."""
    columns = (consents.c.topic, consents.c.granted, consents.c.at, consents.c.source)
    query = select(*columns).where(consents.c.customer_id == customer_id).order_by(consents.c.topic)
    own = [Consent(*row) for row in connection.execute(query)]
    mailbox = customers.join(refusals, refusals.c.email_hash == customers.c.email_hash)
    refused = select(refusals.c.topic, false(), refusals.c.at, refusals.c.source).select_from(mailbox)
    others = [Consent(*row) for row in connection.execute(refused.where(customers.c.id == customer_id))]
    refused_topics = {word.topic for word in own if not word.granted}
    theirs = [
        replace(word, source=f"{word.source}, for this address") for word in others if word.topic not in refused_topics
    ]
    return sorted([*own, *theirs], key=lambda word: (word.topic, not word.granted))


def suppression(connection: Connection, customer_id: int) -> tuple[str, str, datetime] | None:
    """(scope, reason, when) under which the client's address is suppressed."""
    joined = suppressions.join(customers, customers.c.email_hash == suppressions.c.email_hash)
    columns = (suppressions.c.scope, suppressions.c.reason, suppressions.c.at)
    row = connection.execute(select(*columns).select_from(joined).where(customers.c.id == customer_id)).one_or_none()
    return None if row is None else (str(row[0]), str(row[1]), row[2])


@dataclass(frozen=True, slots=True)
class Returned:
    """A bounce or complaint of one of the client's emails; `campaign` is its key."""

    kind: str
    at: datetime
    campaign: str
    words: str | None


def came_back(connection: Connection, customer_id: int, now: datetime) -> list[Returned]:
    """The bounces and complaints of the client's emails that count still, the latest first; at most a hundred."""
    query = (
        select(notifications.c.kind, notifications.c.at, promises.c.campaign, notifications.c.words)
        .join(promises, promises.c.id == notifications.c.promise_id)
        .where(
            promises.c.customer_id == customer_id,
            notifications.c.kind.in_(["hard-bounce", "soft-bounce", "complaint"]),
            notifications.c.received_at <= now,
            notifications.c.forgiven.is_(False),
        )
        .order_by(notifications.c.at.desc(), notifications.c.id.desc())
        .limit(100)
    )
    return [Returned(*row) for row in connection.execute(query)]


def coupon(connection: Connection, campaign: str, customer_id: int) -> dict[str, Any] | None:
    """The latest coupon that the campaign (by key) gave the client: its benefit by name, `uses` and `code`."""
    query = select(coupons.c.offer, coupons.c.uses, coupons.c.code).where(
        coupons.c.campaign == campaign, coupons.c.customer_id == customer_id
    )
    row = connection.execute(query.order_by(coupons.c.id.desc()).limit(1)).first()
    return None if row is None else {**row[0], "uses": row[1], "code": row[2]}


def goal_reached(connection: Connection, rulebook: Rulebook, campaign: str, goal: Goal, now: datetime) -> Group:
    """Clients with an email of the campaign (by key) whose time for the goal is over, and those who reached it."""
    start = func.min(type_coerce(promises.c.settled_at, BigInteger)).label("start")
    went = promises.c.state.in_([State.SENT, State.UNCERTAIN, State.BOUNCED])
    written = select(promises.c.customer_id, start).where(promises.c.campaign == campaign, went)
    unit = written.group_by(promises.c.customer_id).subquery("written")
    reached = happened_after(
        happened_events(goal, rulebook), goal.within, unit.c.start, lambda whose: whose == unit.c.customer_id
    )
    counts = select(func.count(), func.count().filter(reached)).select_from(unit)
    row = connection.execute(counts.where(unit.c.start <= to_micros(now - goal.within))).one()
    return Group(int(row[0]), int(row[1]))


def cap_use(connection: Connection, customer_id: int, cap: Cap, now: datetime) -> int:
    """The number of the client's emails that count towards the frequency cap now."""
    query = select(func.count()).where(
        promises.c.customer_id == customer_id,
        promises.c.kind == Kind.MARKETING,
        promises.c.recipient == "customer",
        promises.c.state.in_(COUNTED),
        func.coalesce(promises.c.settled_at, promises.c.next_at) > now - cap.per,
    )
    return int(connection.scalar(query) or 0)
