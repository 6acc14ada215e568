"""What people did: who, what, to whom or what, and why. Lines are only added.

An address is never written: callers pass its keyed hash. Erasure of a client empties the free text of the lines about
them, and keeps who did what, when.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from regulars.db.tables import audit_log

_MOST_WHY = 1000
"""Maximum characters of a reason."""


class Action(StrEnum):
    """What a person can do that is recorded."""

    APPLY = "apply"
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    CANARY = "canary"
    RESTORED = "restored"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    ERASE = "erase"
    MERGE = "merge"
    ALIAS = "alias"
    KEY = "key"
    WEBHOOK_RETRY = "webhook retry"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that somebody did."""

    at: datetime
    who: str
    action: str
    subject: str | None
    email_hash: str | None
    why: str | None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; without what is unknown."""
        written = {
            "at": self.at.isoformat(), "who": self.who, "action": self.action, "subject": self.subject,
            "email_hash": self.email_hash, "why": self.why,
        }  # fmt: skip
        return {name: value for name, value in written.items() if value is not None}


def record(
    connection: Connection,
    action: Action,
    who: str,
    subject: str | None,
    why: str | None,
    now: datetime,
    *,
    customer_id: int | None = None,
    email_hash: str | None = None,
) -> None:
    """Adds a line in the caller's transaction: what is undone leaves none.

    `who` is `core.operator_name.operator()` at a keyboard, or `key NAME` for a program. `subject` is a campaign, a
    version, a client's outside id, a key's name; never an address or a secret. Give `customer_id` for a client, and
    `email_hash` for an address.
    """
    reason = " ".join(why.split())[:_MOST_WHY] if why else None
    connection.execute(
        insert(audit_log).values(
            at=now, who=who, action=str(action), subject=None if subject and "@" in subject else subject,
            customer_id=customer_id, email_hash=email_hash, why=reason or None,
        )
    )  # fmt: skip


def lines(
    connection: Connection, *, since: datetime | None = None, who: str | None = None, most: int | None = None
) -> list[Line]:
    """The last `most` lines, the latest first; `who` matches a part of the name, whatever its case."""
    query = select(audit_log).order_by(audit_log.c.at.desc(), audit_log.c.id.desc())
    if since is not None:
        query = query.where(audit_log.c.at >= since)
    if who is not None:
        query = query.where(audit_log.c.who.icontains(who, autoescape=True))
    rows = connection.execute(query.limit(most))
    return [Line(row.at, row.who, row.action, row.subject, row.email_hash, row.why) for row in rows]


def forget(connection: Connection, customer_id: int, email_hash: str | None) -> None:
    """Empties the reasons in the lines about an erased client."""
    theirs: Collection[ColumnElement[bool]] = [audit_log.c.customer_id == customer_id]
    if email_hash is not None:
        theirs = [*theirs, audit_log.c.email_hash == email_hash]
    connection.execute(update(audit_log).where(or_(*theirs)).values(why=None))


def move(connection: Connection, kept: int, gone: int) -> None:
    """Lines about a client who was merged into another belong to that one."""
    connection.execute(update(audit_log).where(audit_log.c.customer_id == gone).values(customer_id=kept))
