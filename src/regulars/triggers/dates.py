"""Calendar computations: which local days and times are due, zone by zone, in Python.

SQL only joins the resulting small table; `core.calendar` handles daylight saving, month ends and 29 February.
"""

from __future__ import annotations

import calendar as months
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from regulars.core.calendar import days, instant, local_date, matching_days
from regulars.rules.grammar import Every, Schedule
from regulars.rules.model import Campaign, Policy, Rulebook

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DueTime:
    """A broadcast that is due in one zone."""

    zone: str
    occurrence: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DueDay:
    """A recurring date that is due in one zone: dates observed on (month, day), as seen from (year, month)."""

    zone: str
    occurrence: str
    due_at: datetime
    ordinal: int  # months since year 0 of the target
    month: int
    day: int


def due_times(
    campaign: Campaign, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
) -> Iterator[DueTime]:
    """The times of `at` or `schedule` of a campaign in (after, until], with its wait, for each zone."""
    wait, working = campaign.lead, book.company.working_time
    for found in _times(
        campaign.at or (), campaign.schedule, zones, working.before(after, wait), working.before(until, wait)
    ):
        yield replace(found, due_at=working.after(found.due_at, wait))


def _times(
    at: Sequence[datetime], schedule: Schedule | None, zones: Sequence[str], after: datetime, until: datetime
) -> Iterator[DueTime]:
    first = after.astimezone(UTC).replace(tzinfo=None) - _DAY
    last = until.astimezone(UTC).replace(tzinfo=None) + _DAY
    wanted = list(at) if schedule is None else schedule.between(first, last)
    for zone in zones:
        for local in wanted:
            due = instant(local, zone)
            if after < due <= until:
                yield DueTime(zone, f"{local:%Y-%m-%dT%H:%M}", due)


def due_days(
    campaign: Campaign, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
) -> Iterator[DueDay]:
    """The days of `every` of a campaign in (after, until], with its wait, for each zone, with the dates observed.

    The day on which a rule comes into force counts as a whole: the caller moves `after` back to its local midnight
    with `since_midnight`.
    """
    assert campaign.every is not None
    wait, working = campaign.lead, book.company.working_time
    for found in _days(campaign.every, book.policy, zones, working.before(after, wait), working.before(until, wait)):
        yield replace(found, due_at=working.after(found.due_at, wait))


def _days(every: Every, policy: Policy, zones: Sequence[str], after: datetime, until: datetime) -> Iterator[DueDay]:
    for zone in zones:
        for day in days(local_date(after, zone) - _DAY, local_date(until, zone)):
            due = instant(datetime.combine(day, policy.send_at), zone)
            if after < due <= until:
                yield from _kept_on(every, policy, zone, day, due)


def _kept_on(every: Every, policy: Policy, zone: str, day: date, due: datetime) -> Iterator[DueDay]:
    target = day - timedelta(days=every.offset)
    ordinal = target.year * 12 + target.month - 1
    if every.months % 12 == 0:
        for month, kept in matching_days(target, policy.leap_day):
            # A date observed on 1 March belongs to the February before it.
            yield DueDay(zone, f"{target:%Y}", due, target.year * 12 + month - 1, month, kept)
        return
    last = months.monthrange(target.year, target.month)[1]
    for kept in range(target.day, 32) if target.day == last else (target.day,):
        yield DueDay(zone, f"{target:%Y-%m}", due, ordinal, target.month, kept)


@dataclass(frozen=True, slots=True)
class DueCalendarDay:
    """A calendar day that is due in one zone for clients of one country, or `default`."""

    zone: str
    country: str
    occurrence: str
    due_at: datetime


def due_calendar_days(
    campaign: Campaign, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
) -> Iterator[DueCalendarDay]:
    """The days of `every: year on …` in (after, until], with its wait, for each zone and country."""
    every = campaign.every
    assert every is not None
    feast = book.calendars.get(every.calendar or "")
    wait, working, policy = campaign.lead, book.company.working_time, book.policy
    first, last = working.before(after, wait).year - 1, until.year + 1
    for country in feast.days if feast is not None else ():
        for year in range(first, last + 1):
            day = feast.on(country, year, policy.leap_day) if feast is not None else None
            for zone in zones if day is not None else ():
                assert day is not None
                local = datetime.combine(day + timedelta(days=every.offset), policy.send_at)
                due = working.after(instant(local, zone), wait)
                if after < due <= until:
                    yield DueCalendarDay(zone, country, f"{year}", due)


def since_midnight(since: datetime, zone: str) -> datetime:
    """Just before the local day of `since` began."""
    start = instant(datetime.combine(local_date(since, zone), time()), zone)
    return start - timedelta(microseconds=1)
