"""The policy's windows: the hours of each weekday in which marketing emails go, in the client's time zone.

Quiet hours hold as well: an email goes inside a window and outside them. A day that is not named has no window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import PlainSerializer

from regulars.core.calendar import Window, instant, zone
from regulars.core.working import WEEKDAYS, Week
from regulars.rules.phrase_types import phrase

_DAY = 24 * 60
_MOST_STEPS = 60
"""Ends of windows and of quiet hours that are tried one after the other: more than four weeks have."""
_ANY_DAY = "|".join(WEEKDAYS)
_HOURS = r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d"


def _days(text: str) -> str:
    """`monday-friday`, `saturday` or `daily`; raises ValueError."""
    plain = text.strip().lower()
    try:
        Week.parse(f"{plain} 00:00-00:01")
    except ValueError:
        raise ValueError(f"`{text}` is not a part of the week such as `monday-friday`") from None
    return plain


def _hours(text: str) -> str:
    """`09:00-20:00`, or several such hours; raises ValueError."""
    plain = " ".join(text.replace(",", " ").split())
    try:
        Week.parse(f"daily {plain}")
    except ValueError as error:
        if "before it begins" in str(error) or "overlap" in str(error):
            raise
        raise ValueError(f"`{text}` is not the hours of a window such as `09:00-20:00`") from None
    return plain


_D, _DS = phrase(_days, (), "days of the week", "monday-friday", rf"^\s*(({_ANY_DAY})(-({_ANY_DAY}))?|daily)\s*$")
_H, _HS = phrase(_hours, (), "the hours of a window", "09:00-20:00", rf"^\s*{_HOURS}([,\s]+{_HOURS})*\s*$")
Days = Annotated[str, _D, _DS, PlainSerializer(str)]
Hours = Annotated[str, _H, _HS, PlainSerializer(str)]
Windows = Mapping[Days, Hours]


def week_of(windows: Mapping[str, str]) -> Week:
    """The hours of each weekday; raises ValueError where those of one day overlap."""
    return Week.parse(", ".join(f"{days} {hours}" for days, hours in windows.items()))


@dataclass(frozen=True, slots=True)
class SendTimes:
    """When marketing emails may go: in the windows of the week, if there are any, and outside quiet hours."""

    week: Week | None
    quiet: Window | None

    def opens_at(self, moment: datetime, zone_name: str) -> datetime:
        """The first instant from `moment` on at which emails may go there; `moment` itself if they may go now.

        The rules' check rejects windows and quiet hours that leave no time.
        """
        for _ in range(_MOST_STEPS):
            later = self.window_opens_at(moment, zone_name)
            later = (self.quiet.next_end(later, zone_name) if self.quiet else None) or later
            if later == moment:
                break
            moment = later
        return moment

    def window_opens_at(self, moment: datetime, zone_name: str) -> datetime:
        """The same by the windows alone."""
        if self.week is None:
            return moment
        today = moment.astimezone(zone(zone_name)).date()
        for offset in range(9):
            day = today + timedelta(days=offset)
            for begin, end in self.week.days[day.weekday()]:
                opens, closes = (instant(datetime.combine(day, at), zone_name) for at in (begin, end))
                if moment < closes:
                    return max(moment, opens)
        return moment

    def closed_minutes(self) -> dict[int, int]:
        """Of each minute of a week (0 is Monday 00:00) in which no email goes: after how many minutes one may.

        Empty where no minute is open, or all are.
        """
        open_now = [self._is_open(minute) for minute in range(7 * _DAY)]
        if all(open_now) or not any(open_now):
            return {}
        found: dict[int, int] = {}
        wait = 0
        for minute in reversed(range(2 * 7 * _DAY)):
            wait = 0 if open_now[minute % (7 * _DAY)] else wait + 1
            if minute < 7 * _DAY and wait:
                found[minute] = wait
        return found

    def ever(self) -> bool:
        """Whether there is any minute of the week in which emails may go."""
        return any(self._is_open(minute) for minute in range(7 * _DAY))

    def _is_open(self, minute: int) -> bool:
        at = time(minute % _DAY // 60, minute % 60)
        inside = self.week is None or any(begin <= at < end for begin, end in self.week.days[minute // _DAY])
        return inside and not (self.quiet is not None and self.quiet.contains(at))


def week_words(windows: Mapping[str, str]) -> str:
    """`Monday to Friday from 09:00 to 20:00 and Saturday from 10:00 to 14:00`."""
    parts = [f"{_day_words(days)} {_hour_words(hours)}" for days, hours in windows.items()]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _day_words(days: str) -> str:
    return "every day" if days == "daily" else " to ".join(day.capitalize() for day in days.split("-"))


def _hour_words(hours: str) -> str:
    return " and ".join("from {} to {}".format(*each.split("-")) for each in hours.split())
