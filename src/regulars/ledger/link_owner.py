"""The owner of a link: the client of its promise, and the email with the link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from regulars.db.tables import campaigns, customers, promises
from regulars.rules.model import Campaign, Rulebook

_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class LinkOwner:
    """The client of a link and its email. `campaign` is None when the campaign is no longer in the files."""

    promise: int
    customer: int
    key: str
    campaign: Campaign | None
    locale: str | None
    timezone: str | None
    erased: bool
    since: datetime
    """When the email was sent, or was due."""

    @property
    def topic(self) -> str:
        """The topic of the email, for unsubscribing."""
        return self.campaign.topic if self.campaign else "marketing"


def link_owner(connection: Connection, payload: str, rulebook: Rulebook) -> LinkOwner | None:
    """The client of a genuine token's payload; None for a promise that does not exist or is not to a client.

    An email to a manager has links of the client's promise; they cannot act for the client.
    """
    if not (payload.isascii() and payload.isdigit()) or int(payload) >= _LARGEST:
        return None
    row = connection.execute(
        select(
            promises.c.id, promises.c.customer_id, promises.c.campaign, campaigns.c.name,
            customers.c.locale, customers.c.timezone, customers.c.erased_at,
            func.coalesce(promises.c.settled_at, promises.c.due_at).label("since"),
        )
        .select_from(
            promises.join(customers, customers.c.id == promises.c.customer_id)
            .outerjoin(campaigns, campaigns.c.key == promises.c.campaign)
        )
        .where(promises.c.id == int(payload), promises.c.recipient == "customer")
    ).first()  # fmt: skip
    if row is None:
        return None
    campaign = rulebook.campaigns.get(row.name or row.campaign)
    erased = row.erased_at is not None
    return LinkOwner(row.id, row.customer_id, row.campaign, campaign, row.locale, row.timezone, erased, row.since)
