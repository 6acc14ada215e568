"""What clients asked for: a break, or fewer emails than the policy allows."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import BigInteger, Connection, case, select, type_coerce, update
from sqlalchemy.sql import ColumnElement

from regulars.context.plan_context import PlanContext
from regulars.db.states import Reason, State
from regulars.db.tables import preferences, promises
from regulars.db.types import to_micros
from regulars.eligibility.frequency_cap import hold_capped
from regulars.rules.grammar import Cap
from regulars.rules.model import Kind


def hold_paused(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> int:
    """Holds the chosen marketing promises of clients who take a break until it ends; skips what cannot wait so long."""
    until = type_coerce(preferences.c.paused_until, BigInteger)
    resting = (
        select(
            promises.c.id,
            until.label("until"),
            (until <= type_coerce(promises.c.expires_at, BigInteger)).label("can_wait"),
        )
        .join(preferences, preferences.c.customer_id == promises.c.customer_id)
        .where(
            promises.c.kind == Kind.MARKETING,
            promises.c.recipient == "customer",
            preferences.c.paused_until > context.now,
            chosen,
        )
        .subquery()
    )
    return connection.execute(
        update(promises)
        .where(promises.c.id == resting.c.id)
        .values(
            state=case((resting.c.can_wait, State.HELD), else_=State.SKIPPED),
            reason=Reason.CLIENT_PAUSED,
            detail=None,
            next_at=case((resting.c.can_wait, resting.c.until), else_=type_coerce(promises.c.next_at, BigInteger)),
            settled_at=case((resting.c.can_wait, None), else_=to_micros(context.now)),
        )
    ).rowcount


def hold_spaced(connection: Connection, context: PlanContext, chosen: ColumnElement[bool]) -> int:
    """Holds or skips what exceeds the client's own wish, as the cap of the policy does; the number of losers."""
    gaps = connection.scalars(
        select(preferences.c.gap_days).where(preferences.c.gap_days.is_not(None)).distinct()
    ).all()
    losers = 0
    for gap in sorted(gaps):
        who = select(preferences.c.customer_id).where(preferences.c.gap_days == gap)
        theirs = promises.c.customer_id.in_(who) & chosen
        losers += hold_capped(connection, context, theirs, Cap(1, timedelta(days=gap)))
    return losers
