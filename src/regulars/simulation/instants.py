"""When something can change: the instants at which a plan may come out differently from the one before.

A rehearsal need not run through every minute: between these instants nothing becomes due. An instant too
many costs time and changes nothing; one too few would be a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from regulars.rules.model import Campaign, Rulebook
from regulars.triggers.dates import due_calendar_days, due_days, due_times

HOUR = timedelta(hours=1)


def on_calendar(
    campaigns: Iterable[Campaign], book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
) -> set[datetime]:
    """The sending times of `every`, `at` and `schedule` in (after, until], for clients of these zones."""
    found: set[datetime] = set()
    for campaign in campaigns:
        if campaign.enabled and campaign.every is not None and campaign.every.calendar is not None:
            found |= {feast.due_at for feast in due_calendar_days(campaign, book, zones, after, until)}
        elif campaign.enabled and campaign.every is not None:
            found |= {row.due_at for row in due_days(campaign, book, zones, after, until)}
        elif campaign.enabled and (campaign.at or campaign.schedule):
            found |= {row.due_at for row in due_times(campaign, book, zones, after, until)}
    return found


def hours(after: datetime, until: datetime) -> Iterator[datetime]:
    """Every full hour in (after, until]."""
    moment = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR
    while moment <= until:
        yield moment
        moment += HOUR


def rounded_up(moment: datetime, grid: timedelta) -> datetime:
    """The first instant of the grid that is not before `moment`."""
    past = (moment - datetime.min.replace(tzinfo=UTC)) % grid
    return moment if not past else moment - past + grid
