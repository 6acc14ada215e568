"""Which email a goal that was reached is counted for, as one query over all campaigns.

An event that reaches a goal *follows* an email of the campaign to the same mailbox if it came after the email and
within the goal's time. A campaign claims it once, for the last of its own emails before it. All campaigns together
count it once, for the last email of any before it: the claim that has `is_last`.

Emails are those that clients may have received: sent or uncertain, not bounced. That an event follows an email does not
say that the email caused it; only a control group shows that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    FromClause,
    Integer,
    Select,
    Subquery,
    Text,
    func,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeEngine

from regulars.db.rowset import rowset
from regulars.db.states import State
from regulars.db.tables import campaigns, customers, promises
from regulars.db.types import MICROSECOND, to_micros
from regulars.insights.goal_events import goal_events
from regulars.profile.shared_mailbox import mailbox_of
from regulars.rules.goal_rules import PURCHASE, Goal
from regulars.rules.model import Kind, Rulebook

RECEIVED = (State.SENT, State.UNCERTAIN)
"""States of emails that the client may have received."""


@dataclass(frozen=True, slots=True)
class AskedGoal:
    """A goal of the campaign with this key; `place` is its place among the goals of the campaign.

    `stated` is False for the purchase that is counted where a campaign names no goal; then its service emails are left
    out, if it once sent any.
    """

    campaign: str
    place: int
    goal: Goal
    stated: bool = True


@dataclass(frozen=True, slots=True)
class Period:
    """Emails sent from `since` and before `until`; what follows them counts up to `now`."""

    now: datetime
    since: datetime | None = None
    until: datetime | None = None


def asked_goals(connection: Connection, rulebook: Rulebook) -> list[AskedGoal]:
    """The goals of all campaigns that were ever in force, by key; retired ones count purchases."""
    found = []
    usual = Goal(event=PURCHASE, within=rulebook.policy.attribution.within)
    for key, name in connection.execute(select(campaigns.c.key, campaigns.c.name).order_by(campaigns.c.name)):
        campaign = rulebook.campaigns.get(name)
        if campaign is not None and campaign.goals:
            distinct = dict.fromkeys(campaign.goals)
            found += [AskedGoal(key, place, goal) for place, goal in enumerate(distinct)]
        elif campaign is None or campaign.kind is Kind.MARKETING:
            found.append(AskedGoal(key, 0, usual, stated=False))
    return found


def received_emails(
    connection: Connection, goals: Sequence[AskedGoal], period: Period, only: Select[Any] | None = None
) -> Subquery:
    """The emails of these campaigns up to the period's end, one row for each goal; `only` to clients with these keys.

    Columns: `promise_id campaign step sent mailbox email_hash customer_id place within kind`; `kind` numbers what is
    asked (event, value, condition), as `_kinds` does.
    """
    kinds = _kinds(goals)
    types: dict[str, TypeEngine[Any]] = {
        "key": Text(), "place": Integer(), "within": BigInteger(), "kind": Integer(), "stated": Boolean(),
    }  # fmt: skip
    rows = [[g.campaign, g.place, g.goal.within // MICROSECOND, kinds[_what(g.goal)], g.stated] for g in goals]
    asked = rowset(connection, "asked", types, rows)
    sent = type_coerce(promises.c.settled_at, BigInteger)
    query = (
        select(
            promises.c.id.label("promise_id"), promises.c.campaign, promises.c.step, sent.label("sent"),
            mailbox_of(customers).label("mailbox"), customers.c.email_hash, promises.c.customer_id, asked.c.place,
            asked.c.within, asked.c.kind,
        )
        .join(customers, customers.c.id == promises.c.customer_id)
        .join(asked, asked.c.key == promises.c.campaign)
        .where(
            promises.c.state.in_(RECEIVED), promises.c.recipient == "customer", sent <= to_micros(period.now),
            or_(asked.c.stated == true(), promises.c.kind == Kind.MARKETING),
        )
    )  # fmt: skip
    if only is not None:
        query = query.where(promises.c.customer_id.in_(only))
    if period.since is not None:
        query = query.where(sent >= to_micros(period.since))
    if period.until is not None:
        # Emails after the period matter: they may be the last before an event.
        longest = max((g.goal.within for g in goals), default=timedelta())
        query = query.where(sent < to_micros(period.until) + longest // MICROSECOND)
    return query.subquery("emails")


def claims(
    connection: Connection, rulebook: Rulebook, goals: Sequence[AskedGoal], period: Period, *,
    only: Select[Any] | None = None,
) -> Subquery | None:  # fmt: skip
    """One row for each goal that was reached, campaign, and event; None where there is no goal.

    Columns: `campaign place step promise_id sent mailbox source event_id external_id customer_id at received_at value
    currency is_last`. `is_last` is true for the one claim on an event that all campaigns together count. Claims are
    those of emails in the period; who claims an event is decided among all emails. `only` are keys of clients, of whole
    mailboxes, to whom the emails went.
    """
    if not goals:
        return None
    recipients = _recipients(received_emails(connection, goals, period, only))
    examples = {kind: next(g.goal for g in goals if _what(g.goal) == what) for what, kind in _kinds(goals).items()}
    followed = union_all(
        *(_followed(recipients, goal_events(goal, rulebook), kind, period) for kind, goal in examples.items())
    ).subquery("followed")
    latest = (followed.c.sent.desc(), followed.c.promise_id.desc())
    event = (followed.c.source, followed.c.event_id)
    own = func.row_number().over(partition_by=(followed.c.campaign, followed.c.place, *event), order_by=latest)
    last = func.row_number().over(partition_by=event, order_by=(*latest, followed.c.place))
    ranked = select(followed, own.label("own"), last.label("last")).subquery("ranked")
    columns = [column for column in ranked.c if column.name not in ("own", "last")]
    query = select(*columns, (ranked.c.last == 1).label("is_last")).where(ranked.c.own == 1)
    return query.where(*in_period(ranked.c.sent, period)).subquery("claims")


def in_period(sent: ColumnElement[Any], period: Period) -> list[ColumnElement[bool]]:
    """Whether an email was sent in the period."""
    bounds = [sent >= to_micros(period.since)] if period.since is not None else []
    return bounds + ([sent < to_micros(period.until)] if period.until is not None else [])


def _what(goal: Goal) -> tuple[str, str | None, str | None]:
    return goal.event, goal.counted, goal.condition


def _kinds(goals: Sequence[AskedGoal]) -> Mapping[tuple[str, str | None, str | None], int]:
    """A number for each event, value and condition that is asked: each is read once, whatever the campaign."""
    return {what: number for number, what in enumerate(dict.fromkeys(_what(g.goal) for g in goals))}


def _recipients(emails: Subquery) -> FromClause:
    """Each email with each client of its mailbox, who could have reached the goal: `holder_id`.

    Two queries, so that an index finds the clients: those of the address, and the one client without address.
    """
    mail = select(emails).cte("mail")
    holder = customers.alias("holder")
    by_address = select(mail, holder.c.id.label("holder_id")).join(holder, holder.c.email_hash == mail.c.email_hash)
    without = select(mail, mail.c.customer_id.label("holder_id")).where(mail.c.email_hash.is_(None))
    return union_all(by_address, without).cte("recipients")


def _followed(recipients: FromClause, reached: FromClause, kind: int, period: Period) -> Any:
    """The events of one kind that follow an email."""
    mail, at = recipients.c, reached.c.at
    in_time = (at > mail.sent, at <= mail.sent + mail.within, at <= to_micros(period.now))
    return (
        select(
            mail.campaign, mail.place, mail.step, mail.promise_id, mail.sent, mail.mailbox, reached.c.source,
            reached.c.id.label("event_id"), reached.c.external_id, reached.c.customer_id, at, reached.c.received_at,
            reached.c.value, reached.c.currency,
        )
        .join(reached, reached.c.customer_id == mail.holder_id)
        .where(mail.kind == kind, *in_time)
    )  # fmt: skip
