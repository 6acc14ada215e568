"""Campaigns in force: the current rule, with the key and dates of the campaign in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from regulars.db.tables import campaigns
from regulars.rules.model import Campaign, Policy, Rulebook

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""A rule in force since then has no past: all clients past its trigger are included."""


@dataclass(frozen=True, slots=True)
class ActiveCampaign:
    """A campaign in force. Whatever was due before `since` is not promised."""

    key: str
    campaign: Campaign
    since: datetime
    applied_at: datetime
    planned_at: datetime | None

    @property
    def bounded(self) -> bool:
        """Whether promises are bounded by `since`."""
        return self.since > BEGINNING

    def floor(self, now: datetime, policy: Policy) -> datetime:
        """Everything due before this was decided already: it bounds the search, whatever the outage."""
        if self.planned_at is None or self.planned_at > now:
            return self.since
        return max(self.since, min(self.planned_at, now - self.campaign.max_lateness(policy)))


def load_active_campaigns(connection: Connection, rulebook: Rulebook) -> dict[str, ActiveCampaign]:
    """The campaigns of the rulebook that have been put into force, by key."""
    rows = connection.execute(select(campaigns).where(campaigns.c.retired_at.is_(None)))
    return {
        row.key: ActiveCampaign(row.key, rulebook.campaigns[row.name], row.since, row.applied_at, row.planned_at)
        for row in rows
        if row.name in rulebook.campaigns
    }
