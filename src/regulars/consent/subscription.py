"""Leaving marketing, one topic or all, and coming back. The next claim of a worker already heeds it.

The log says who, when, how and by which email; saying the same thing twice changes nothing and logs nothing.
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

How = Literal["one-click", "page", "preferences"]
"""By a mail program's own button (RFC 8058), by the page's, or among the preferences."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What a client has said: the topics left and those agreed to. `marketing` among the left stands for all."""

    left: frozenset[str]
    agreed: frozenset[str]

    @property
    def left_all(self) -> bool:
        """Whether they left everything."""
        return MARKETING in self.left

    def receives(self, topic: str, *, opt_in: bool) -> bool:
        """Whether emails on the topic go to them, as far as their own word counts."""
        if self.left_all or topic in self.left:
            return False
        return not opt_in or bool(self.agreed & {MARKETING, topic})


def subscriptions_of(connection: Connection, customer_id: int) -> Subscriptions:
    """The client's latest words; what their mailbox refused counts as theirs."""
    rows = connection.execute(
        select(consents.c.topic, consents.c.granted).where(consents.c.customer_id == customer_id)
    ).all()
    mailbox = customers.join(refusals, refusals.c.email_hash == customers.c.email_hash)
    refused = connection.scalars(select(refusals.c.topic).select_from(mailbox).where(customers.c.id == customer_id))
    left = frozenset(row.topic for row in rows if not row.granted).union(refused)
    return Subscriptions(left, frozenset(row.topic for row in rows if row.granted) - left)


def unsubscribe(connection: Connection, owner: LinkOwner, topics: Iterable[str], at: datetime, how: How) -> bool:
    """Notes that the client wants nothing more on these topics; tells whether that is new."""
    detail = {"promise": owner.promise, "campaign": owner.key}
    said = [withdraw(connection, owner.customer, topic, at=at, source=how, detail=detail) for topic in topics]
    return any(said)


def resubscribe(
    connection: Connection, owner: LinkOwner, topics: Iterable[str], at: datetime, how: How, wording: str
) -> bool:
    """Notes that the client wants emails on these topics, in the words they were shown; tells whether that is new."""
    detail = {"promise": owner.promise, "campaign": owner.key}
    said = [
        grant(connection, owner.customer, topic, at=at, source=how, wording=wording, detail=detail) for topic in topics
    ]
    return any(said)
