"""Unsubscribing from marketing, one topic or all, and resubscribing. It applies from the next claim.

The log has who, when, how and from which email; repeating a decision changes nothing and logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select

from regulars.consent.rights import MARKETING, grant, withdraw
from regulars.db.tables import consents, customers, refusals
from regulars.ledger.link_owner import LinkOwner

How = Literal["one-click", "page", "preferences", "email"]
"""By a mail program's one-click button (RFC 8058), on the page, in the preferences, or by an email to us."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """A client's decisions: the topics unsubscribed and those agreed to. `marketing` among the former means all."""

    left: frozenset[str]
    agreed: frozenset[str]

    @property
    def left_all(self) -> bool:
        """Whether they unsubscribed from everything."""
        return MARKETING in self.left

    def receives(self, topic: str, *, opt_in: bool) -> bool:
        """Whether they receive emails on the topic, by their own decisions."""
        if self.left_all or topic in self.left:
            return False
        return not opt_in or bool(self.agreed & {MARKETING, topic})


def subscriptions_of(connection: Connection, customer_id: int) -> Subscriptions:
    """The client's latest decisions; refusals of their mailbox count as theirs."""
    rows = connection.execute(
        select(consents.c.topic, consents.c.granted).where(consents.c.customer_id == customer_id)
    ).all()
    mailbox = customers.join(refusals, refusals.c.email_hash == customers.c.email_hash)
    refused = connection.scalars(select(refusals.c.topic).select_from(mailbox).where(customers.c.id == customer_id))
    left = frozenset(row.topic for row in rows if not row.granted).union(refused)
    return Subscriptions(left, frozenset(row.topic for row in rows if row.granted) - left)


def unsubscribe(connection: Connection, owner: LinkOwner, topics: Iterable[str], at: datetime, how: How) -> bool:
    """Unsubscribes the client from these topics; returns whether it is new."""
    detail = {"promise": owner.promise, "campaign": owner.key}
    changed = [withdraw(connection, owner.customer, topic, at=at, source=how, detail=detail) for topic in topics]
    return any(changed)


def resubscribe(
    connection: Connection, owner: LinkOwner, topics: Iterable[str], at: datetime, how: How, wording: str
) -> bool:
    """Subscribes the client to these topics, with the text they were shown; returns whether it is new."""
    detail = {"promise": owner.promise, "campaign": owner.key}
    changed = [
        grant(connection, owner.customer, topic, at=at, source=how, wording=wording, detail=detail) for topic in topics
    ]
    return any(changed)
