"""How many clients a condition matches, how many of them may be mailed now, and why not the others.

The rights are those of a marketing email to clients, by the same SQL that decides about promises. Caps, quiet hours and
holdouts belong to a campaign and an hour, and are not asked here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, String, Subquery, and_, case, cast, func, literal, null, select

from regulars.audience.expression import Expression
from regulars.context.active_campaign import BEGINNING, ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.states import Reason
from regulars.db.tables import customers, preferences
from regulars.eligibility.skip_reasons import missing_rights
from regulars.profile.shared_mailbox import mailbox_of
from regulars.rules.model import Campaign
from regulars.triggers.candidate_rows import clients

_ANY = Campaign.model_validate({"name": "audience", "at": "2026-01-01 09:00", "email": "audience"})
_MARKETING = ActiveCampaign("audience", _ANY, BEGINNING, BEGINNING, None)
"""A marketing email to clients, of the topic that stands for all."""


@dataclass(frozen=True, slots=True)
class AudienceSize:
    """Clients who match; those of them who may be mailed, one for each mailbox; the others by `Reason`."""

    matching: int
    mailable: int
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matching:
    """One client of the audience, by their id in the shop's system; `reason` says why they may not be mailed."""

    external_id: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many clients, of an audience, match two conditions: both, only one, none."""

    both: int
    first_only: int
    second_only: int
    neither: int


def audience_size(context: PlanContext, condition: Expression) -> AudienceSize:
    """Counts the clients of the condition; erased ones are left out."""
    found = _judged(context, condition)
    rows = context.connection.execute(select(found.c.reason, func.count()).group_by(found.c.reason))
    by_reason: dict[str | None, int] = {row.reason: row[1] for row in rows}
    others = {reason: count for reason, count in by_reason.items() if reason is not None}
    ordered = dict(sorted(others.items(), key=lambda each: (-each[1], each[0])))
    return AudienceSize(sum(by_reason.values()), by_reason.get(None, 0), ordered)


def client_count(context: PlanContext) -> int:
    """All clients but erased ones."""
    return context.connection.scalar(select(func.count()).where(customers.c.erased_at.is_(None))) or 0


def matching_clients(context: PlanContext, condition: Expression, sample: int | None = None) -> Sequence[Matching]:
    """The clients of the condition by id; or a sample by their random numbers, the same one each time."""
    found = _judged(context, condition)
    query = select(found.c.external_id, found.c.reason).order_by(found.c.external_id)
    if sample is not None:
        drawn = select(found).order_by(found.c.bucket, found.c.external_id).limit(sample).subquery()
        query = select(drawn.c.external_id, drawn.c.reason).order_by(drawn.c.external_id)
    rows = context.connection.execute(query)
    return [Matching(row.external_id, row.reason) for row in rows]


def overlap(context: PlanContext, audience: Expression | None, first: Expression, second: Expression) -> Overlap:
    """Counts who matches which of two conditions, among all clients or those of an audience."""
    inside = [func.coalesce(each.sql(context.scope), False) for each in (first, second)]
    chosen: list[ColumnElement[bool]] = [customers.c.erased_at.is_(None)]
    if audience is not None:
        chosen.append(func.coalesce(audience.sql(context.scope), False))
    asked = select(*(case((each, 1), else_=0).label(name) for each, name in zip(inside, "ab", strict=True)))
    found = asked.select_from(clients(context)).where(*chosen).subquery()
    rows = context.connection.execute(select(found.c.a, found.c.b, func.count()).group_by(found.c.a, found.c.b))
    counts = {(a, b): count for a, b, count in rows}
    return Overlap(*(counts.get(pair, 0) for pair in ((1, 1), (1, 0), (0, 1), (0, 0))))


def _judged(context: PlanContext, condition: Expression) -> Subquery:
    """Each client of the condition with the first reason against an email; NULL for one client of each mailbox."""
    holder = customers.alias("holder")
    paused_mailboxes = select(mailbox_of(holder)).join(preferences, preferences.c.customer_id == holder.c.id)
    paused = mailbox_of(customers).in_(paused_mailboxes.where(preferences.c.paused_until > context.now))
    reason = case(
        *((against, literal(why, String)) for against, why in missing_rights(context, _MARKETING)),
        (paused, literal(Reason.CLIENT_PAUSED, String)),
        else_=cast(null(), String),
    )
    chosen = and_(func.coalesce(condition.sql(context.scope), False), customers.c.erased_at.is_(None))
    columns = (customers.c.id, customers.c.external_id, customers.c.bucket, mailbox_of(customers).label("mailbox"))
    rows = select(*columns, reason.label("why")).select_from(clients(context)).where(chosen).subquery("rows")
    place = func.row_number().over(partition_by=(rows.c.mailbox, rows.c.why), order_by=rows.c.id)
    ranked = select(rows, place.label("place")).subquery("ranked")
    another = and_(ranked.c.why.is_(None), ranked.c.place > 1)
    final = case((another, literal(Reason.SAME_MAILBOX, String)), else_=ranked.c.why)
    return select(ranked.c.external_id, ranked.c.bucket, final.label("reason")).subquery("judged")
