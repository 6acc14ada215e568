"""Local times and calendar days: the only place that handles zones, daylight saving and 29 February.

A local time that daylight saving skips means the first instant after the gap; one that happens twice
means the first of the two. Zones are IANA names.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SENTINELS = frozenset({date(1899, 12, 30), date(1900, 1, 1), date(1970, 1, 1), date(1, 1, 1), date(9999, 12, 31)})
"""Placeholder dates by which systems mean "unknown"; no greeting is sent for them."""


class LeapDay(StrEnum):
    """The day on which 29 February is observed in a common year."""

    FEB_28 = "feb-28"
    MAR_1 = "mar-1"


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA zone; raises ValueError for a name that does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, IsADirectoryError) as error:
        raise ValueError(f"`{name}` is not an IANA time zone such as `Europe/Tallinn`") from error


def instant(local: datetime, zone_name: str) -> datetime:
    """The UTC instant of a naive local time, with the gap and overlap rules above."""
    tz = zone(zone_name)
    aware = local.replace(tzinfo=tz, fold=0)
    utc = aware.astimezone(UTC)
    if utc.astimezone(tz).replace(tzinfo=None) == local:
        return utc
    # In a gap fold=0 uses the offset before it, which lands after the gap by as much as we were
    # inside it; the first instant after the gap is where the offset changes.
    before = aware.utcoffset() or timedelta()
    after = local.replace(tzinfo=tz, fold=1).utcoffset() or timedelta()
    return _transition(utc - (before - after if before > after else after - before), utc, tz)


def _transition(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    """The first instant in (low, high] with the offset that holds at `high`, to the second."""
    target = high.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).utcoffset() == target:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


@lru_cache(maxsize=1024)
def local_date(moment: datetime, zone_name: str) -> date:
    """The calendar day that `moment` falls on in the zone."""
    return moment.astimezone(zone(zone_name)).date()


@dataclass(frozen=True, slots=True)
class Window:
    """A daily stretch of local time, from `start` up to `end`; may cross midnight. Equal ends: never."""

    start: time
    end: time

    def contains(self, at: time) -> bool:
        """Whether the local time lies inside."""
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def next_end(self, moment: datetime, zone_name: str) -> datetime | None:
        """The instant the window next ends if `moment` lies inside it there, else None."""
        local = moment.astimezone(zone(zone_name))
        if not self.contains(local.time().replace(tzinfo=None)):
            return None
        day = local.date()
        if self.start > self.end and local.time().replace(tzinfo=None) >= self.start:
            day += timedelta(days=1)
        end = instant(datetime.combine(day, self.end), zone_name)
        return end if end > moment else moment + timedelta(minutes=1)


def matching_days(target: date, leap: LeapDay) -> Iterator[tuple[int, int]]:
    """The (month, day) of the yearly dates that are kept on `target`, 29 February included."""
    yield target.month, target.day
    if calendar.isleap(target.year):
        return
    if leap is LeapDay.FEB_28 and (target.month, target.day) == (2, 28):
        yield 2, 29
    if leap is LeapDay.MAR_1 and (target.month, target.day) == (3, 1):
        yield 2, 29


def days(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
