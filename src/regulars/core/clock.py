"""The clock. Only a door may call `system`; all other code gets `now` as an argument."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the current instant as an aware datetime in UTC."""

_WORDS = re.compile(r"^\s*(\d+)\s*(minute|hour|day|week|month|year)s?\s*$")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


def system() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


def frozen(at: datetime) -> Clock:
    """A clock that always returns `at`."""
    return lambda: at


def duration(text: str) -> timedelta:
    """`"14 days"` as a timedelta; a month counts 30 days and a year 365.

    Raises ValueError for anything but a whole number and one of minute, hour, day, week, month, year.
    """
    found = _WORDS.match(text)
    if not found:
        raise ValueError(f"`{text}` is not a duration such as `14 days` or `2 hours`")
    number, unit = int(found[1]), found[2]
    if unit in _DAYS:
        return timedelta(days=number * _DAYS[unit])
    return timedelta(hours=number) if unit == "hour" else timedelta(minutes=number)


def words(span: timedelta) -> str:
    """A timedelta in the words `duration` reads: the largest unit that divides it."""
    minutes = int(span.total_seconds() // 60)
    for unit, size in (("week", 10080), ("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes and minutes % size == 0 and not (unit == "week" and minutes != size):
            count = minutes // size
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return "0 minutes"
