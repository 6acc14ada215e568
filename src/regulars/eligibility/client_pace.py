"""Preferences of clients: a pause, or fewer emails than the policy allows."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CTE, BigInteger, Connection, case, func, select, type_coerce, union, update
from sqlalchemy.sql import ColumnElement

from regulars.context.plan_context import PlanContext
from regulars.db.states import Reason, State
from regulars.db.tables import customers, preferences, promises
from regulars.db.types import to_micros
from regulars.eligibility.frequency_cap import hold_capped
from regulars.profile.shared_mailbox import mailbox_of, shares_mailbox
from regulars.rules.grammar import Cap
from regulars.rules.model import Kind


def hold_paused(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> int:
    """Holds the chosen marketing promises of clients with a pause until it ends; skips those that cannot wait."""
    some = select(preferences.c.customer_id).where(preferences.c.paused_until > context.now).limit(1)
    if connection.scalar(some) is None:  # SQLite would look through all clients for each promise
        return 0
    breaks = _breaks(context)
    until = func.max(breaks.c.until)
    paused = (
        select(
            promises.c.id,
            until.label("until"),
            (until <= type_coerce(promises.c.expires_at, BigInteger)).label("can_wait"),
        )
        .join(customers, customers.c.id == promises.c.customer_id)
        .join(breaks, breaks.c.mailbox == mailbox_of(customers))
        .where(promises.c.kind == Kind.MARKETING, promises.c.recipient == "customer", chosen)
        .group_by(promises.c.id)
        .subquery()
    )
    return connection.execute(
        update(promises)
        .where(promises.c.id == paused.c.id)
        .values(
            state=case((paused.c.can_wait, State.HELD), else_=State.SKIPPED),
            reason=Reason.CLIENT_PAUSED,
            detail=None,
            next_at=case((paused.c.can_wait, paused.c.until), else_=type_coerce(promises.c.next_at, BigInteger)),
            settled_at=case((paused.c.can_wait, None), else_=to_micros(context.now)),
        )
    ).rowcount


def _breaks(context: PlanContext) -> CTE:
    """The mailboxes of clients with a pause now, and its end."""
    holder = customers.alias("resting")
    rows = select(
        mailbox_of(holder).label("mailbox"), type_coerce(preferences.c.paused_until, BigInteger).label("until")
    )
    joined = rows.join(preferences, preferences.c.customer_id == holder.c.id)
    return joined.where(preferences.c.paused_until > context.now).cte("breaks", nesting=True)


def hold_spaced(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> int:
    """Holds or skips promises over the client's own cap, like the policy's cap; returns their number."""
    gaps = connection.scalars(
        select(preferences.c.gap_days).where(preferences.c.gap_days.is_not(None)).distinct()
    ).all()
    held_back = 0
    for gap in sorted(gaps):
        limited, sharing = customers.alias("asked"), customers.alias("sharing")
        with_gap = limited.join(preferences, preferences.c.customer_id == limited.c.id)
        same = select(sharing.c.id).select_from(with_gap.join(sharing, shares_mailbox(limited, sharing)))
        who = union(
            select(preferences.c.customer_id).where(preferences.c.gap_days == gap),
            same.where(preferences.c.gap_days == gap),
        )
        theirs = promises.c.customer_id.in_(select(who.subquery("who").c[0])) & chosen
        held_back += hold_capped(connection, context, theirs, Cap(1, timedelta(days=gap)))
    return held_back
