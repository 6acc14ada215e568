"""The frequency cap: how many marketing emails one mailbox may get, and which campaign has precedence.

Among waiting promises the most important is sent first (priority, then due time). Others are held for the next free
place if they can still be sent in time, and skipped otherwise; both name the campaign that took the place. A client
who will be held out (`draw`) takes no place: the next in order gets it.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CTE, BigInteger, Connection, Integer, TableClause, case, func, select, type_coerce, union, update
from sqlalchemy.sql import ColumnElement, FromClause, and_

from regulars.context.plan_context import PlanContext
from regulars.db.states import COUNTED, Reason, State
from regulars.db.tables import customers, promises
from regulars.db.types import MICROSECOND, to_micros
from regulars.eligibility.draw import takes_place
from regulars.profile.shared_mailbox import mailbox_of
from regulars.rules.grammar import Cap
from regulars.rules.model import Kind


def hold_capped(connection: Connection, context: PlanContext, chosen: ColumnElement[bool], cap: Cap | None) -> int:
    """Holds or skips the chosen marketing promises that exceed the cap; returns their number."""
    if cap is None:
        return 0
    waiting = _waiting(chosen)
    used = _used(waiting, context, cap.per)
    taken = func.coalesce(used.c.taken, 0)
    # A place becomes free when the oldest counted email leaves the window.
    free_at = func.coalesce(used.c.oldest, to_micros(context.now)) + cap.per // MICROSECOND
    losers = (
        select(
            waiting.c.id,
            free_at.label("free_at"),
            (free_at <= waiting.c.expires).label("can_wait"),
            case((taken < cap.count, waiting.c.top), else_=used.c.last).label("winner"),
        )
        .select_from(waiting.outerjoin(used, used.c.mailbox == waiting.c.mailbox))
        .where(waiting.c.place + taken > cap.count)
        .subquery()
    )
    return connection.execute(
        update(promises)
        .where(promises.c.id == losers.c.id)
        .values(
            state=case((losers.c.can_wait, State.HELD), else_=State.SKIPPED),
            reason=Reason.CAP,
            detail=losers.c.winner,
            next_at=case((losers.c.can_wait, losers.c.free_at), else_=_micros(promises.c.next_at)),
            settled_at=case((losers.c.can_wait, None), else_=to_micros(context.now)),
        )
    ).rowcount


def _waiting(chosen: ColumnElement[bool]) -> CTE:
    before = func.sum(takes_place()).over(
        partition_by=mailbox_of(customers),
        order_by=(promises.c.priority.desc(), promises.c.due_at, promises.c.id),
        rows=(None, -1),
    )
    ranked = (
        select(
            promises.c.id,
            promises.c.customer_id,
            customers.c.email_hash,
            mailbox_of(customers).label("mailbox"),
            promises.c.campaign,
            _micros(promises.c.expires_at).label("expires"),
            (func.coalesce(before, 0) + 1).label("place"),
            takes_place().label("takes"),
        )
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(_counts(promises), chosen)
        .subquery()
    )
    top = func.first_value(ranked.c.campaign).over(
        partition_by=ranked.c.mailbox, order_by=(ranked.c.takes.desc(), ranked.c.place, ranked.c.id)
    )
    return select(ranked, top.label("top")).cte("waiting", nesting=True)


def _used(waiting: CTE, context: PlanContext, per: timedelta) -> CTE:
    """Places taken in the window by mailbox: how many, since when, and by whom last."""
    other, client, twin = promises.alias("other"), customers.alias("client"), customers.alias("twin")
    sharing = select(twin.c.id).join(waiting, waiting.c.email_hash == twin.c.email_hash)
    everybody = union(select(waiting.c.customer_id), sharing).subquery("everybody")
    mailbox = mailbox_of(client)
    when = func.coalesce(other.c.settled_at, other.c.next_at)
    newest_first = func.row_number().over(partition_by=mailbox, order_by=(when.desc(), other.c.id.desc()))
    recent = (
        select(mailbox.label("mailbox"), other.c.campaign, _micros(when).label("at"), newest_first.label("back"))
        .join(client, client.c.id == other.c.customer_id)
        .where(
            other.c.customer_id.in_(select(everybody.c[0])),
            _counts(other),
            other.c.state.in_(COUNTED),
            _micros(when) > to_micros(context.now - per),
        )
        .subquery()
    )
    return (
        select(
            recent.c.mailbox,
            func.count(type_=Integer).label("taken"),
            func.min(recent.c.at).label("oldest"),
            func.max(case((recent.c.back == 1, recent.c.campaign))).label("last"),
        )
        .group_by(recent.c.mailbox)
        .cte("used", nesting=True)
    )


def _counts(table: FromClause | TableClause) -> ColumnElement[bool]:
    return and_(table.c.kind == Kind.MARKETING, table.c.recipient == "customer")


def _micros(instant: ColumnElement[object]) -> ColumnElement[int]:
    """An instant as its stored number, for arithmetic."""
    return type_coerce(instant, BigInteger)
