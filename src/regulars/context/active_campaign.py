"""Campaigns in force: the rule as it is written now, and the key and dates under which the ledger knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from regulars.db.tables import campaigns
from regulars.rules.model import Campaign, Policy, Rulebook

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""A rule in force since then has no past: all who are past its trigger are included."""


@dataclass(frozen=True, slots=True)
class ActiveCampaign:
    """A campaign in force. What was due before `since` is the past and is left alone."""

    key: str
    campaign: Campaign
    since: datetime
    applied_at: datetime
    planned_at: datetime | None

    @property
    def bounded(self) -> bool:
        """Whether it has a past that is left alone."""
        return self.since > BEGINNING

    def floor(self, now: datetime, policy: Policy) -> datetime:
        """Before this nothing can be due that was not decided already: bounds the search, in any outage."""
        if self.planned_at is None or self.planned_at > now:
            return self.since
        return max(self.since, min(self.planned_at, now - self.campaign.patience(policy)))


def load_active_campaigns(connection: Connection, rulebook: Rulebook) -> dict[str, ActiveCampaign]:
    """The campaigns of the rulebook that have been put into force, by key."""
    rows = connection.execute(select(campaigns).where(campaigns.c.retired_at.is_(None)))
    return {
        row.key: ActiveCampaign(row.key, rulebook.campaigns[row.name], row.since, row.applied_at, row.planned_at)
        for row in rows
        if row.name in rulebook.campaigns
    }
