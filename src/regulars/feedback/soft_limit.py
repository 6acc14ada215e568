"""The limit of soft bounces: how many of the last emails to a mailbox came back for a cause that may pass."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, func, select

from regulars.db.states import State
from regulars.db.tables import customers, notifications, promises
from regulars.feedback.notification import Kind
from regulars.rules.bounce_rules import SoftBounces


def is_over_limit(connection: Connection, mailbox: str, limit: SoftBounces, now: datetime) -> bool:
    """Whether so many of the mailbox's last emails within the time came back; an email that did not is a good one."""
    if limit.count == 0:
        return False
    came_back = exists().where(
        notifications.c.promise_id == promises.c.id,
        notifications.c.kind == Kind.SOFT_BOUNCE,
        notifications.c.email_hash == mailbox,
        notifications.c.forgiven.is_(False),
    )
    last = (
        select(came_back.label("bad"))
        .select_from(promises.join(customers, customers.c.id == promises.c.customer_id))
        .where(
            customers.c.email_hash == mailbox,
            promises.c.recipient == "customer",
            promises.c.state.in_([State.SENT, State.BOUNCED]),
            promises.c.settled_at > now - limit.within,
        )
        .order_by(promises.c.settled_at.desc(), promises.c.id.desc())
        .limit(limit.of)
        .subquery("last")
    )
    return (connection.scalar(select(func.count()).where(last.c.bad)) or 0) >= limit.count
