"""Working time: waits that count only the company's working hours, or its working days.

`after` computes the end of a wait; `before` is its inverse, the latest start whose wait is over by now, so that
a set of events is compared with one instant; `pieces` is `after` for a whole interval, as a few linear pieces
that SQL can join. Intervals include their ends: what happens at closing time belongs to that working day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from regulars.core.calendar import instant, local_date
from regulars.core.clock import duration, words
from regulars.core.holidays import holidays

Span = tuple[datetime, datetime]
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ANY_DAY = "|".join(WEEKDAYS)
_HOURS = r"(?:[01]?\d|2[0-3]):[0-5]\d-(?:[01]?\d|2[0-3]):[0-5]\d"
WEEK = rf"\s*((?:{_ANY_DAY})(?:-(?:{_ANY_DAY}))?|daily)((?:\s+{_HOURS})+)\s*"
_DAYS_AND_HOURS = re.compile(f"{WEEK}$")
_WAIT = re.compile(r"^\s*(\d+)\s+working\s+(hour|day)s?\s*$")
LONGEST_WAIT = 1_000
"""The longest wait in working hours or days."""
_MOST_IDLE_DAYS = 800
"""After so many days without working time the search ends: daylight saving skips every window, or all days are off."""


@dataclass(frozen=True, slots=True)
class Wait:
    """`14 days` of elapsed time, `4 working hours` (`working`, in `span`) or `2 working days` (`days`)."""

    span: timedelta = timedelta()
    working: bool = False
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Wait:
        """Raises ValueError for anything else."""
        found = _WAIT.match(text)
        if found is None:
            if "working" in text:
                raise ValueError(f"`{text}` is not a wait such as `4 working hours` or `2 working days`")
            return cls(duration(text))
        number = int(found[1])
        if not 1 <= number <= LONGEST_WAIT:
            raise ValueError(f"`{text}` is not between 1 and {LONGEST_WAIT}")
        return cls(timedelta(hours=number), working=True) if found[2] == "hour" else cls(working=True, days=number)

    def __bool__(self) -> bool:
        return bool(self.span) or self.days > 0

    def __str__(self) -> str:
        if not self.working:
            return words(self.span)
        number = self.days or self.span // timedelta(hours=1)
        return f"{number} working {'day' if self.days else 'hour'}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Week:
    """The hours of each weekday, from Monday: intervals of local time in order, none of which crosses midnight."""

    text: str
    days: tuple[tuple[tuple[time, time], ...], ...]

    @classmethod
    def parse(cls, text: str) -> Week:
        """`monday-friday 09:00-18:00, saturday 10:00-14:00`; raises ValueError."""
        days: list[list[tuple[time, time]]] = [[] for _ in WEEKDAYS]
        for part in text.split(","):
            found = _DAYS_AND_HOURS.match(part.lower())
            if found is None:
                raise ValueError(f"`{part.strip()}` is not a part of a week such as `monday-friday 09:00-18:00`")
            for number in _numbers(found[1]):
                days[number] += [_stretch(one) for one in found[2].split()]
        for name, stretches in zip(WEEKDAYS, days, strict=True):
            stretches.sort()
            if any(later[0] < earlier[1] for earlier, later in pairwise(stretches)):
                raise ValueError(f"the hours of {name} overlap")
        return cls(" ".join(text.split()), tuple(tuple(each) for each in days))

    def __str__(self) -> str:
        return self.text


def _numbers(days: str) -> list[int]:
    """The weekdays of `monday-friday`, `saturday` or `daily`; a range may wrap past Sunday."""
    if days == "daily":
        return list(range(7))
    first, _, last = days.partition("-")
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    return [(begin + offset) % 7 for offset in range((end - begin) % 7 + 1)]


def _stretch(text: str) -> tuple[time, time]:
    begin, end = (time.fromisoformat(each.zfill(5)) for each in text.split("-"))
    if begin >= end:
        raise ValueError(f"`{text}` ends before it begins; write the part after midnight for the next day")
    return begin, end


@dataclass(frozen=True, slots=True)
class Piece:
    """For starts in (start, end]: the wait ends at `fixed`, or where that is None, `shift` later."""

    start: datetime
    end: datetime
    fixed: datetime | None
    shift: timedelta


@dataclass(frozen=True)
class WorkingTime:
    """The company's week in its time zone, without public holidays (of `region`) and days off."""

    week: Week
    zone: str = "UTC"
    region: str | None = None
    days_off: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Whether it is a working day."""
        return bool(self.week.days[day.weekday()]) and day not in self.days_off and self.holiday(day) is None

    def holiday(self, day: date) -> str | None:
        """The name of the public holiday on that day."""
        return holidays(self.region, day.year).get(day) if self.region else None

    def after(self, moment: datetime, wait: Wait) -> datetime:
        """The end of a wait that starts at `moment`.

        Working hours count within opening hours only. Working days end at the same time after opening so many
        working days later, at that day's closing at the latest. A start outside counts from the next opening.
        """
        if not wait.working:
            return moment + wait.span
        if wait.days:
            return self._days_after(moment, wait.days)
        left = wait.span
        for opens, closes in self._forward(moment):
            begin = max(opens, moment)
            if closes - begin >= left:
                return begin + left
            left -= closes - begin
        raise AssertionError("working time never ends")

    def before(self, now: datetime, wait: Wait) -> datetime:
        """The latest start of a wait that is over by `now`."""
        if not wait.working:
            return now - wait.span
        if wait.days:
            return self._days_before(now, wait.days)
        left = wait.span
        for opens, closes in self._backward(now):
            end = min(closes, now)
            if end - opens >= left:
                return end - left
            left -= end - opens
        raise AssertionError("working time never began")

    def pieces(self, wait: Wait, after: datetime, until: datetime) -> Iterator[Piece]:
        """`after` for every start in (after, until]."""
        begin = after
        for opens, closes in self._forward(after, whole=wait.days > 0):
            if begin < opens:
                yield Piece(begin, opens, self.after(opens, wait), timedelta())
                begin = opens
            while begin < closes:
                piece = self._piece(wait, begin, closes)
                yield piece
                begin = piece.end
            if begin >= until:
                return

    def _piece(self, wait: Wait, begin: datetime, closes: datetime) -> Piece:
        first, last = self.after(begin + _TICK, wait), self.after(closes, wait)
        if first == last and closes > begin + _TICK:
            return Piece(begin, closes, last, timedelta())
        room = next(self._forward(first - _TICK, whole=wait.days > 0))[1] - first
        return Piece(begin, min(closes, begin + _TICK + room), None, first - begin - _TICK)

    # ---------------------------------------------------------------- working days as a whole

    def _days_after(self, moment: datetime, count: int) -> datetime:
        ahead = self._forward(moment - _TICK, whole=True)
        opens, closes = next(ahead)
        position = max(moment - opens, timedelta())
        for _ in range(count):
            opens, closes = next(ahead)
        return min(opens + position, closes)

    def _days_before(self, now: datetime, count: int) -> datetime:
        back = self._backward(now + _TICK, whole=True)
        opens, closes = next(back)
        position = None if now >= closes else now - opens
        for _ in range(count):
            opens, closes = next(back)
        return closes if position is None else min(opens + position, closes)

    # ---------------------------------------------------------------- the stretches of time

    def _forward(self, after: datetime, *, whole: bool = False) -> Iterator[Span]:
        """The intervals that end after this instant, the earliest first; with `whole`, one per day."""
        for spans in self._days(local_date(after, self.zone), 1):
            for span in _joined(spans) if whole else spans:
                if span[1] > after:
                    yield span

    def _backward(self, before: datetime, *, whole: bool = False) -> Iterator[Span]:
        """The intervals that start before this instant, the latest first."""
        for spans in self._days(local_date(before, self.zone), -1):
            for span in _joined(spans) if whole else reversed(spans):
                if span[0] < before:
                    yield span

    def _days(self, day: date, step: int) -> Iterator[tuple[Span, ...]]:
        idle = 0
        while idle < _MOST_IDLE_DAYS:
            spans = _spans(self, day)
            if spans:
                yield spans
            idle = 0 if spans else idle + 1
            day += _DAY * step
        raise ValueError(f"there is no working day near {day}: see `working_hours`, `holidays` and `days_off`")


@lru_cache(maxsize=4096)
def _spans(working: WorkingTime, day: date) -> tuple[Span, ...]:
    """The intervals of one day as instants, without the time that daylight saving skips."""
    if not working.works_on(day):
        return ()
    found = (
        tuple(instant(datetime.combine(day, end), working.zone) for end in stretch)
        for stretch in working.week.days[day.weekday()]
    )
    return tuple((opens, closes) for opens, closes in found if opens < closes)


def _joined(spans: tuple[Span, ...]) -> tuple[Span]:
    return ((spans[0][0], spans[-1][1]),)
