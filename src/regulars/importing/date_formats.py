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
_DASHED = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T]+(.+)", re.ASCII)
_DAY_MONTH = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})(?:,?[ T]+(?:at )?(.+))?", re.ASCII)
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})(?:,?[ T]+(?:at )?(.+))?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_HALVES = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)?\s?([AaPp])\.?[Mm]\.?", re.ASCII)
_HALF = re.compile(r"\d\s?[ap]\.?m\.?$", re.ASCII | re.IGNORECASE)
_EPOCH = re.compile(r"1[0-8]\d{8}(\d{3})?", re.ASCII)
"""Seconds or milliseconds since 1970, from 2001 to 2030; a later number of as many digits may be something else."""
_SERIAL = re.compile(r"[1-9]\d{3,4}(?:\.\d+)?", re.ASCII)
"""A day number of a spreadsheet, with the time as a fraction."""
_SERIAL_TIME = re.compile(r"[1-9]\d{3,4}\.\d*[1-9]\d*", re.ASCII)
_NOBODYS = re.compile(r"0{4}[-/.]0{1,2}[-/.]0{1,2}.*|0{1,2}[-/.]0{1,2}[-/.]0{2,4}.*", re.ASCII)
_MONTHS = {
    word: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(), 1
    )
    for word in (name, name[:3], name[:4])
}
_SERIAL_ZERO = datetime.combine(date(1899, 12, 30), time())
_EXPECTED = "write it as 2026-01-31, or as 31.01.2026"
MIDDAY = time(12)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and its text in the file, which stays the same when the company's zone changes."""

    micros: int
    written: str

    @property
    def is_bare(self) -> bool:
        """Whether it was a date without a time of day."""
        return len(self.written) == len("2026-01-31")


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


def stated(raw: Any) -> bool:
    """Whether the cell holds a day, in any order of day and month; raises Refused where it holds something else."""
    value = plain(raw).strip()
    return bool(value) and _parse(value, "dmy") is not None


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
        if _EPOCH.fullmatch(value):
            return _since_1970(int(value))
        found = _parse(value, order)
        if found.date() in calendar.SENTINELS:
            raise Refused(f"{found.date()} is what systems write for an unknown date")
        return _placed(found, bare=_is_bare(value), day=day, zone_name=zone_name)

    def within(raw: str) -> Moment | None:
        result = read(raw)
        if result is not None and limit is not None and result.micros > limit:
            raise Refused("is in the future")
        return result

    return lambda raw: within(plain(raw))


def moment_or_clock(
    order: str | None, zone_name: str, latest: datetime | None = None
) -> Callable[[Any], Moment | time | None]:
    """A reader of a column of times: a time of day, whose day is in another column, or a whole instant."""
    whole = moment(order, zone_name, latest)

    def read(raw: Any) -> Moment | time | None:
        value = plain(raw).strip()
        if _CLOCK.fullmatch(value) or _HALVES.fullmatch(value):
            return (_SERIAL_ZERO + _of_day(value)).time()
        return whole(raw)

    return read


def on_day(day_: Moment, clock: time, zone_name: str) -> Moment:
    """The time of day on the day of a bare date."""
    local = datetime.combine(date.fromisoformat(day_.written[:10]), clock)
    return _placed(local, bare=False, day=MIDDAY, zone_name=zone_name)


def _since_1970(number: int) -> Moment:
    utc = datetime.fromtimestamp(number / (1000 if number >= 10**12 else 1), UTC)
    return Moment(to_micros(utc), utc.isoformat())


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
    return ":" not in value and not _HALF.search(value) and not _SERIAL_TIME.fullmatch(value)


def _parse(value: str, order: str | None) -> datetime:
    """A naive or aware datetime; a date alone is its midnight."""
    if _NOBODYS.fullmatch(value):
        raise Refused("is what systems write for an unknown date", "leave it empty")
    if _SERIAL.fullmatch(value):
        return _from_serial(value, order)
    if _HALF.search(value) and (dashed := _DASHED.fullmatch(value)):
        return _backwards(dashed, order)
    if _ISO.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise Refused(f"is not a date: {error}", _EXPECTED) from None
    for pattern, read in ((_BACKWARDS, _backwards), (_NUMERIC, _numeric), (_DAY_MONTH, _named), (_MONTH_DAY, _named)):
        found = pattern.fullmatch(value)
        if found:
            return read(found, order)
    raise Refused("is not a date", _EXPECTED)


def _from_serial(value: str, order: str | None) -> datetime:
    if order != "excel":
        raise Refused("is not a date", "if it is the day number of a spreadsheet, say so: `--dates excel`")
    return _SERIAL_ZERO + timedelta(seconds=round(float(value) * 86_400))


def _named(found: re.Match[str], _: str | None) -> datetime:
    """`2 December 2026` or `December 2, 2026`."""
    first, second = (found[1], found[2]) if found[1].isdigit() else (found[2], found[1])
    month = _MONTHS.get(second.lower())
    if month is None:
        raise Refused(f"is not a date: `{second}` is not a month", _EXPECTED)
    return _built(int(found[3]), month, int(first), found[4])


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
    return found + _of_day(clock.strip())


def _of_day(clock: str) -> timedelta:
    """The time since midnight."""
    parts = _HALVES.fullmatch(clock) or _CLOCK.fullmatch(clock)
    if parts:
        hours, minutes, seconds = int(parts[1]), int(parts[2] or 0), int(parts[3] or 0)
        half = parts[4].lower() if parts.re is _HALVES else ""
        if minutes < 60 and seconds < 60 and (1 <= hours <= 12 if half else hours < 24):
            hours = hours % 12 + (12 if half == "p" else 0) if half else hours
            return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    raise Refused(f"`{clock}` is not a time of day", "write it as 14:30")
