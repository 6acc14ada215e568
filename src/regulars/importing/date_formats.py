"""Formats of days and instants in files. An ambiguous date is refused, never guessed.

A time without an offset is in the company's time zone. A date alone means noon there, so that the calendar
day is the same in the company's zone and in every zone less than twelve hours away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from regulars.core import calendar
from regulars.db.types import to_micros
from regulars.importing.cells import plain
from regulars.importing.refused import Refused

_NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[ T,]+(.+))?", re.ASCII)
_BACKWARDS = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})(?:[ T]+(.+))?", re.ASCII)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T]\d\d:\d\d.*)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_EXPECTED = "write it as 2026-01-31, or as 31.01.2026"
MIDDAY = time(12)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and its text in the file, which stays the same when the company's zone changes."""

    micros: int
    written: str


def day(order: str | None) -> Callable[[Any], date | None]:
    """A reader of calendar days; `order` (`dmy`, `mdy`) resolves 03/04/2025."""

    @lru_cache(maxsize=4096)
    def read(raw: str) -> date | None:
        value = raw.strip()
        if not value:
            return None
        found = _parse(value, order)
        return found.date()

    return lambda raw: read(plain(raw))


def birthday(order: str | None, today: date) -> Callable[[Any], date | None]:
    """A reader of birthdays. Placeholder dates for "unknown" are refused."""
    whole = day(order)

    def read(raw: Any) -> date | None:
        found = whole(raw)
        if found is None:
            return None
        if found in calendar.SENTINELS:
            raise Refused(f"{found} is what systems write for an unknown date", "leave it empty")
        if found > today:
            raise Refused(f"{found} is in the future")
        if found.year < today.year - 130:
            raise Refused(f"{found} is more than 130 years ago")
        return found

    return read


def moment(
    order: str | None, zone_name: str, latest: datetime | None = None, day: time = MIDDAY
) -> Callable[[Any], Moment | None]:
    """A reader of instants; those after `latest` are refused. A date alone gets the time `day`."""
    limit = None if latest is None else to_micros(latest)

    @lru_cache(maxsize=4096)
    def read(raw: str) -> Moment | None:
        value = raw.strip()
        if not value:
            return None
        found = _parse(value, order)
        if found.date() in calendar.SENTINELS:
            raise Refused(f"{found.date()} is what systems write for an unknown date")
        result = _placed(found, bare=_is_bare(value), day=day, zone_name=zone_name)
        if limit is not None and result.micros > limit:
            raise Refused("is in the future")
        return result

    return lambda raw: read(plain(raw))


def _placed(found: datetime, *, bare: bool, day: time, zone_name: str) -> Moment:
    try:
        if found.tzinfo is not None:
            utc = found.astimezone(UTC)
            return Moment(to_micros(utc), utc.isoformat())
        local = datetime.combine(found.date(), day) if bare else found
        written = found.date().isoformat() if bare else found.isoformat()
        return Moment(to_micros(calendar.instant(local, zone_name)), written)
    except (OverflowError, ValueError):
        raise Refused("is no day that a calendar has") from None


def _is_bare(value: str) -> bool:
    return ":" not in value


def _parse(value: str, order: str | None) -> datetime:
    """A naive or aware datetime; a date alone is its midnight."""
    if _ISO.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise Refused(f"is not a date: {error}", _EXPECTED) from None
    for pattern, read in ((_BACKWARDS, _backwards), (_NUMERIC, _numeric)):
        found = pattern.fullmatch(value)
        if found:
            return read(found, order)
    raise Refused("is not a date", _EXPECTED)


def _backwards(found: re.Match[str], _: str | None) -> datetime:
    return _built(int(found[1]), int(found[2]), int(found[3]), found[4])


def _numeric(found: re.Match[str], order: str | None) -> datetime:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if found[2] == "." or order == "dmy" or first > 12:
        return _built(year, second, first, found[5])
    if order == "mdy" or second > 12 or first == second:
        return _built(year, first, second, found[5])
    one, other = date(year, second, first), date(year, first, second)
    raise Refused(
        f"can be read as {one:%-d %B} or as {other:%-d %B}",
        "say which comes first: `--dates dmy` or `--dates mdy`",
    )


def _built(year: int, month: int, day_: int, clock: str | None) -> datetime:
    try:
        found = datetime.combine(date(year, month, day_), time())
    except ValueError as error:
        raise Refused(f"is not a date: {error}", _EXPECTED) from None
    if clock is None:
        return found
    parts = _CLOCK.fullmatch(clock.strip())
    if not parts or int(parts[1]) > 23 or int(parts[2]) > 59 or int(parts[3] or 0) > 59:
        raise Refused(f"`{clock}` is not a time of day", "write it as 14:30")
    return found + timedelta(hours=int(parts[1]), minutes=int(parts[2]), seconds=int(parts[3] or 0))
