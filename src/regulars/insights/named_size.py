"""Since when a rule names the size at which its effect is read: a size that was named after the fact is none."""

from __future__ import annotations

from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from regulars.db.tables import campaigns, rule_versions
from regulars.rules.model import Campaign
from regulars.rules.phrase_types import Holdout

_HOLDOUT: TypeAdapter[Holdout] = TypeAdapter(Holdout)


def named_at(connection: Connection, key: str, campaign: Campaign, now: datetime) -> datetime:
    """When the size was first part of the rule that was in force; `now` for one that never was."""
    names = {key, campaign.name, *connection.scalars(select(campaigns.c.name).where(campaigns.c.key == key))}
    versions = connection.execute(
        select(rule_versions.c.source, rule_versions.c.seen_at)
        .where(rule_versions.c.campaign.in_(sorted(names)))
        .order_by(rule_versions.c.seen_at)
    )
    for row in versions:
        seen_at: datetime = row.seen_at
        try:
            kept = _HOLDOUT.validate_python(row.source.get("holdout", 0))
        except ValidationError:  # written by a version that knew other words
            continue
        if kept.read_at == campaign.holdout.read_at:
            return min(now, seen_at)
    return now
