"""How many emails are expected on a day where no usual day can say it.

A letter that goes once has no usual day to be compared with: its audience is counted when the rule comes into force.
And what a person saw at `apply` and approved is what was meant. The guard of volume compares with these numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.tables import applied_versions, campaigns, customers
from regulars.triggers.candidate_rows import clients


def set_expected(
    context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign], changed: Collection[str]
) -> None:
    """Counts the audience of each campaign `at` fixed times that is in `changed`, by name, or was never counted."""
    connection = context.connection
    unknown = set(connection.scalars(select(campaigns.c.key).where(campaigns.c.expected.is_(None))))
    for key, active in active_campaigns.items():
        campaign = active.campaign
        if campaign.at is None or not (key in unknown or campaign.name in changed):
            continue
        chosen = (context.holds("campaigns", campaign.name, "audience"), customers.c.erased_at.is_(None))
        query = select(func.count()).select_from(clients(context)).where(*chosen)
        a_day = max(Counter(moment.date() for moment in campaign.at).values())
        number = int(connection.execute(query).scalar_one()) * a_day
        connection.execute(update(campaigns).where(campaigns.c.key == key).values(expected=number))


def expected_volumes(connection: Connection, keys: Collection[str]) -> dict[str, int]:
    """The numbers of those of these campaigns that have one."""
    query = select(campaigns.c.key, campaigns.c.expected).where(campaigns.c.key.in_(sorted(keys)))
    return {key: number for key, number in connection.execute(query) if number is not None}


def approved_volumes(connection: Connection, now: datetime) -> dict[str, int]:
    """The numbers shown at the `apply` of the version in force, by campaign, while they are of this time."""
    columns = applied_versions.c
    latest = select(columns.how, columns.shown, columns.shown_until).order_by(columns.id.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    if row is None or row.how == "saved" or row.shown_until is None or now > row.shown_until:
        return {}
    return {str(name): int(number) for name, number in (row.shown or {}).items()}
