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
from regulars.db.tables import consents
from regulars.ledger.link_owner import LinkOwner

How = Literal["one-click", "page", "preferences"]
"""By a mail program's own button (RFC 8058), by the page's, or among the preferences."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client has said: the topics left and those agreed to. `marketing` among the left stands for all."""

    left: frozenset[str]
    agreed: frozenset[str]

    @property
    def gone(self) -> bool:
        """Whether they left everything."""
        return MARKETING in self.left

    def gets(self, topic: str, *, opt_in: bool) -> bool:
        """Whether emails on the topic go to them, as far as their own word counts."""
        if self.gone or topic in self.left:
            return False
        return not opt_in or bool(self.agreed & {MARKETING, topic})


def standing(connection: Connection, customer_id: int) -> Standing:
    """The client's latest words."""
    rows = connection.execute(
        select(consents.c.topic, consents.c.granted).where(consents.c.customer_id == customer_id)
    ).all()
    return Standing(
        frozenset(row.topic for row in rows if not row.granted), frozenset(row.topic for row in rows if row.granted)
    )


def leave(connection: Connection, who: LinkOwner, topics: Iterable[str], at: datetime, how: How) -> bool:
    """Notes that the client wants nothing more on these topics; tells whether that is new."""
    detail = {"promise": who.promise, "campaign": who.key}
    said = [withdraw(connection, who.customer, topic, at=at, source=how, detail=detail) for topic in topics]
    return any(said)


def come_back(
    connection: Connection, who: LinkOwner, topics: Iterable[str], at: datetime, how: How, wording: str
) -> bool:
    """Notes that the client wants emails on these topics, in the words they were shown; tells whether that is new."""
    detail = {"promise": who.promise, "campaign": who.key}
    said = [
        grant(connection, who.customer, topic, at=at, source=how, wording=wording, detail=detail) for topic in topics
    ]
    return any(said)
