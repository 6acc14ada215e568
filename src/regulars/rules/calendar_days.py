"""Calendar days: `1 january`, `second sunday of may`, `orthodox easter`, `1 day after …`, by country."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN, easter

from regulars.core import holidays
from regulars.core.calendar import LeapDay
from regulars.core.working import WEEKDAYS

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
DEFAULT = "default"
_DAY = timedelta(days=1)


class Rule(Protocol):
    """Computes the day of a year."""

    def on(self, year: int, leap: LeapDay) -> date | None:
        """The day in that year, or None; 29 February according to the policy."""


@dataclass(frozen=True, slots=True)
class _Fixed:
    day: int
    month: int

    def on(self, year: int, leap: LeapDay) -> date:
        if (self.day, self.month) == (29, 2) and not calendar.isleap(year):
            return date(year, 2, 28) if leap is LeapDay.FEB_28 else date(year, 3, 1)
        return date(year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class _Nth:
    nth: int
    weekday: int
    month: int

    def on(self, year: int, leap: LeapDay) -> date:
        last = calendar.monthrange(year, self.month)[1]
        found = [day for day in range(1, last + 1) if date(year, self.month, day).weekday() == self.weekday]
        return date(year, self.month, found[self.nth - 1 if self.nth > 0 else -1])


@dataclass(frozen=True, slots=True)
class _Easter:
    method: int

    def on(self, year: int, leap: LeapDay) -> date:
        found: date = easter(year, self.method)
        return found


@dataclass(frozen=True, slots=True)
class _Public:
    """The first day of a public holiday of a country, by its English name."""

    country: str
    name: str

    def on(self, year: int, leap: LeapDay) -> date | None:
        return holidays.first_of(self.country, self.name, year)


@dataclass(frozen=True, slots=True)
class _Shifted:
    days: int
    base: Rule

    def on(self, year: int, leap: LeapDay) -> date | None:
        day = self.base.on(year, leap)
        return None if day is None else day + self.days * _DAY


@dataclass(frozen=True, slots=True)
class _NearestWeekday:
    """The nearest such weekday strictly before or after a day."""

    weekday: int
    side: int
    base: Rule

    def on(self, year: int, leap: LeapDay) -> date | None:
        base = self.base.on(year, leap)
        if base is None:
            return None
        day = base + self.side * _DAY
        while day.weekday() != self.weekday:
            day += self.side * _DAY
        return day


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """One date of the year, as a phrase and as a rule."""

    text: str
    rule: Rule

    @classmethod
    def parse(cls, text: str, country: str | None = None) -> CalendarDate:
        """Raises ValueError for an invalid phrase; only a country (`EE`) has public holidays."""
        plain = " ".join(text.lower().split())
        rule = _rule(plain, country)
        if rule is None:
            raise ValueError(f"`{text.strip()}` is not a date of the year such as `second sunday of may`")
        return cls(plain, rule)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CalendarDay:
    """A date of the year with different days by country; None: no day."""

    name: str
    days: Mapping[str, CalendarDate | None]
    """By country, and under `default` for all others."""

    @classmethod
    def of(cls, name: str, written: Mapping[str, str | None]) -> CalendarDay:
        """From phrases in the format of `written`; raises ValueError for an invalid phrase."""
        return cls(
            name, {land: None if text is None else CalendarDate.parse(text, land) for land, text in written.items()}
        )

    @property
    def written(self) -> dict[str, str | None]:
        """The phrase of each country, None where there is no day."""
        return {land: None if day is None else day.text for land, day in sorted(self.days.items())}

    @property
    def countries(self) -> list[str]:
        """Those with a day of their own."""
        return sorted(country for country in self.days if country != DEFAULT)

    def country(self, raw: str | None) -> str:
        """The key for a client's country; `default` for unlisted countries and none."""
        plain = (raw or "").strip().upper()
        return plain if plain in self.days else DEFAULT

    def on(self, country: str, year: int, leap: LeapDay) -> date | None:
        """The day of that year for one of `countries`, or `default`."""
        day = self.days.get(country)
        return None if day is None else day.rule.on(year, leap)

    def __str__(self) -> str:
        own = [f"{country}: {self.days[country] or 'none'}" for country in self.countries]
        usual = self.days.get(DEFAULT)
        return "; ".join([str(usual), *own] if usual else own)


_ANY_DAY = "|".join(WEEKDAYS)
_ANY_MONTH = "|".join(MONTHS)
_FIXED = re.compile(rf"(\d{{1,2}}) ({_ANY_MONTH})")
_NTH = re.compile(rf"({'|'.join(ORDINALS)}) ({_ANY_DAY}) of ({_ANY_MONTH})")
_SHIFT = re.compile(r"(\d{1,3}) (day|week)s? (before|after) (.+)")
PUBLIC = re.compile(r"public holiday (.+)")
_BESIDE = re.compile(rf"({_ANY_DAY}) (before|after) (.+)")


def _rule(text: str, country: str | None) -> Rule | None:
    if text in ("easter", "orthodox easter"):
        return _Easter(EASTER_WESTERN if text == "easter" else EASTER_ORTHODOX)
    if found := _FIXED.fullmatch(text):
        return _fixed(int(found[1]), MONTHS.index(found[2]) + 1)
    if found := _NTH.fullmatch(text):
        return _Nth(ORDINALS[found[1]], WEEKDAYS.index(found[2]), MONTHS.index(found[3]) + 1)
    if found := _SHIFT.fullmatch(text):
        days = int(found[1]) * (7 if found[2] == "week" else 1)
        base = _rule(found[4], country)
        return None if base is None or days > 183 else _Shifted(-days if found[3] == "before" else days, base)
    if found := PUBLIC.fullmatch(text):
        return (
            _Public(country, found[1])
            if country in holidays.countries() and _is_public_holiday(country, found[1])
            else None
        )
    if found := _BESIDE.fullmatch(text):
        base = _rule(found[3], country)
        return (
            None if base is None else _NearestWeekday(WEEKDAYS.index(found[1]), -1 if found[2] == "before" else 1, base)
        )
    return None


def _is_public_holiday(country: str, name: str) -> bool:
    return name in map(str.casefold, holidays.names(country))


def _fixed(day: int, month: int) -> Rule | None:
    return _Fixed(day, month) if 1 <= day <= calendar.monthrange(2024, month)[1] else None
