"""The instants at which a plan can differ from the one before.

A simulation need not run through every minute: between these instants nothing becomes due. An instant too
many costs time and changes nothing; one too few would be a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from regulars.rules.model import Campaign, Rulebook
from regulars.triggers.kinds import trigger_of

HOUR = timedelta(hours=1)


def on_calendar(
    campaigns: Iterable[Campaign], book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
) -> set[datetime]:
    """The sending times of `every`, `at` and `schedule` in (after, until], for clients of these zones."""
    return {
        moment
        for campaign in campaigns
        if campaign.enabled
        for moment in trigger_of(campaign).calendar_times(book, zones, after, until)
    }


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
