"""The small phrases of a rule file: `14 days`, `20:00-09:00`, `2 per 7 days`, `year since …`.

Each is a frozen value that is parsed from text and prints as the same text. An invalid phrase raises
ValueError with a sentence about what was expected.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from cronsim import CronSim, CronSimError

from regulars.core.calendar import Window
from regulars.core.clock import duration as any_duration
from regulars.core.clock import words
from regulars.core.working import WEEKDAYS, Wait
from regulars.rules.calendar_days import MONTHS, ORDINALS

CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")
LONGEST = timedelta(days=36_525)
_ENDINGS = {"1": "st", "2": "nd", "3": "rd"}


def duration(text: str) -> timedelta:
    """`"14 days"` as a timedelta of at most a hundred years, so that no resulting date is out of range."""
    try:
        span = any_duration(text)
    except OverflowError:
        span = timedelta.max
    if span > LONGEST:
        raise ValueError(f"`{text}` is longer than a hundred years")
    return span


def wait(text: str) -> Wait:
    """`"14 days"`, `"4 working hours"` or `"2 working days"`."""
    return Wait.parse(text) if "working" in text else Wait(duration(text))


def clock(text: str) -> time:
    """`"9:30"` as a time of day."""
    found = CLOCK.match(text.strip())
    if not found:
        raise ValueError(f"`{text}` is not a time of day such as `09:30`")
    return time(int(found[1]), int(found[2]))


def window(text: str) -> Window:
    """`"20:00-09:00"` as a daily window."""
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"`{text}` is not a daily window such as `20:00-09:00`")
    return Window(clock(start), clock(end))


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `count` marketing emails to one client in any window of length `per`."""

    count: int
    per: timedelta

    @classmethod
    def parse(cls, text: str) -> Cap:
        found = re.match(r"^\s*(\d+)\s+per\s+(.+)$", text)
        if not found or int(found[1]) < 1:
            raise ValueError(f"`{text}` is not a frequency cap such as `2 per 7 days`")
        return cls(int(found[1]), duration(found[2]))

    def __str__(self) -> str:
        return f"{self.count} per {words(self.per)}"


@dataclass(frozen=True, slots=True)
class Every:
    """Each `months` months since the date `field`, or each year on a day of `calendars`, moved by `offset` days.

    A negative offset is before. With `calendar` there is no field.
    """

    months: int
    field: str
    offset: int = 0
    calendar: str | None = None

    @classmethod
    def parse(cls, text: str) -> Every:
        found = re.match(
            r"^\s*(?:(?:(\d+)\s+)?(year|month)s?\s+since\s+customer\.([a-z_]\w*)|year\s+on\s+([a-z][a-z0-9-]*))"
            r"(?:\s*,\s*(\d+)\s+(day|week)s?\s+(before|after))?\s*$",
            text,
        )
        if not found or found[1] == "0":
            raise ValueError(
                f"`{text}` is not a repeating date such as `year since customer.birthday`"
                " or `year since customer.birthday, 3 days before`"
            )
        months = int(found[1] or 1) * (1 if found[2] == "month" else 12)
        shift = int(found[5] or 0) * (7 if found[6] == "week" else 1)
        return cls(months, found[3] or "", -shift if found[7] == "before" else shift, found[4])

    def __str__(self) -> str:
        unit, count = ("year", self.months // 12) if self.months % 12 == 0 else ("month", self.months)
        head = f"{unit} since" if count == 1 else f"{count} {unit}s since"
        text = f"year on {self.calendar}" if self.calendar else f"{head} customer.{self.field}"
        if self.offset:
            side = "before" if self.offset < 0 else "after"
            number = abs(self.offset)
            text += f", {number} day{'' if number == 1 else 's'} {side}"
        return text


@dataclass(frozen=True, slots=True)
class Timing:
    """An instant relative to one of the event: `1 day before event.starts_at`. `offset` is negative before it."""

    offset: timedelta
    field: str

    @classmethod
    def parse(cls, text: str) -> Timing:
        found = re.match(r"^\s*(?:(\d+\s*[a-z]+)\s+(before|after)\s+)?event\.([a-z_]\w*)\s*$", text)
        if not found:
            raise ValueError(
                f"`{text}` is not a time such as `1 day before event.starts_at` or `2 hours after event.starts_at`"
            )
        span = duration(found[1]) if found[1] else timedelta()
        return cls(-span if found[2] == "before" else span, found[3])

    def __str__(self) -> str:
        return f"{self.words}event.{self.field}"

    @property
    def words(self) -> str:
        """`1 day before `, with a blank at the end; nothing for the instant itself."""
        return f"{words(abs(self.offset))} {'before' if self.offset < timedelta() else 'after'} " if self.offset else ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A recurring local time of the client, as a phrase of words or as five cron fields."""

    text: str
    cron: str

    @classmethod
    def parse(cls, text: str) -> Schedule:
        cron = _cron_of(text)
        try:
            CronSim(cron, datetime(2024, 1, 1))  # noqa: DTZ001  local time, without a zone
        except CronSimError as error:
            raise ValueError(
                f"`{text}` is not a schedule such as `weekly on monday at 10:00`,"
                " `monthly on 1 at 10:00`, `monthly on first monday at 10:00`, `daily at 9:00`,"
                " `yearly on 24 december at 9:00`, or five cron fields"
            ) from error
        return cls(text.strip(), cron)

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """The naive local times in (after, until] at which it fires."""
        found: list[datetime] = []
        for moment in CronSim(self.cron, after):
            if moment > until:
                break
            found.append(moment)
        return found

    @property
    def left_out(self) -> str:
        """The months without the day, in words; empty if every month has it."""
        named = re.fullmatch(r"\d+ \d+ (29|30|31) (\*|[\d,]+) \*", self.cron)
        if named is None:
            return ""
        day = int(named[1])
        months = range(1, 13) if named[2] == "*" else [int(month) for month in named[2].split(",")]
        if all(monthrange(2023, month)[1] >= day for month in months):
            return ""
        if len(months) == 1:
            return "in leap years only"
        return f"months without a {day}{'st' if day == 31 else 'th'} are left out"

    @property
    def words(self) -> str:
        """The phrase; five cron fields in words."""
        if not re.fullmatch(r"\s*\d+(\s+\S+){4}\s*", self.text):
            return self.text
        explained = CronSim(self.cron, datetime(2024, 1, 1)).explain()  # noqa: DTZ001  local time, without a zone
        return re.sub(r"(?<!1)([123])th\b", lambda found: found[1] + _ENDINGS[found[1]], explained)

    def __str__(self) -> str:
        return self.text


def _cron_of(text: str) -> str:
    found = re.match(
        r"^\s*(daily|weekly|monthly|quarterly|yearly)(?:\s+on\s+(.+?))?\s+at\s+(\d{1,2}:\d{2})\s*$", text.lower()
    )
    if not found:
        # Five fields, the first a number: no seconds, and no email every minute.
        return text.strip() if re.fullmatch(r"\s*\d+(\s+\S+){4}\s*", text) else "unreadable"
    often, on, at = found[1], (found[2] or "").split(), clock(found[3])
    head = f"{at.minute} {at.hour}"
    months = {"quarterly": "1,4,7,10"}.get(often, "*")
    match often, on:
        case "daily", []:
            return f"{head} * * *"
        case "weekly", [day] if day in WEEKDAYS:
            return f"{head} * * {WEEKDAYS.index(day) + 1}"
        case "monthly" | "quarterly", [day] if day.isdigit():
            return f"{head} {day} {months} *"
        case "monthly" | "quarterly", ["last", "day"]:
            return f"{head} L {months} *"
        case "monthly" | "quarterly", [nth, day] if nth in ORDINALS and day in WEEKDAYS:
            number = (WEEKDAYS.index(day) + 1) % 7
            return f"{head} * {months} {number}{'L' if nth == 'last' else f'#{ORDINALS[nth]}'}"
        case "yearly", [day, month] if day.isdigit() and month in MONTHS:
            return f"{head} {day} {MONTHS.index(month) + 1} *"
    return "unreadable"


@dataclass(frozen=True, slots=True)
class Until:
    """The event after which no further email is sent; with `same`, only one with the same values of these fields."""

    event: str
    same: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Until:
        found = re.match(r"^\s*([a-z][\w.-]*)(?:\s+with\s+same\s+(\w+(?:\s+and\s+\w+)*))?\s*$", text)
        if not found:
            raise ValueError(f"`{text}` is not an event to stop at such as `purchase`")
        return cls(found[1], tuple(re.split(r"\s+and\s+", found[2])) if found[2] else ())

    def __str__(self) -> str:
        return f"{self.event} with same {' and '.join(self.same)}" if self.same else self.event


@dataclass(frozen=True, slots=True)
class Again:
    """When a client may get the campaign again: never, always, or after a pause."""

    after: timedelta | None

    @classmethod
    def parse(cls, text: str) -> Again:
        if text.strip() == "never":
            return cls(None)
        if text.strip() == "always":
            return cls(timedelta())
        found = re.match(r"^\s*after\s+(.+)$", text)
        if not found:
            raise ValueError(f"`{text}` is not a re-entry rule: `never`, `always` or `after 365 days`")
        return cls(duration(found[1]))

    def __str__(self) -> str:
        if self.after is None:
            return "never"
        return f"after {words(self.after)}" if self.after else "always"


@dataclass(frozen=True, slots=True)
class Backfill:
    """Which clients already past the trigger are included when a rule is new or its trigger changes."""

    mode: str
    since: date | None = None

    @classmethod
    def parse(cls, text: str) -> Backfill:
        plain = str(text).strip()
        if plain in ("none", "all"):
            return cls(plain)
        found = re.match(r"^since\s+(\d{4}-\d{2}-\d{2})$", plain)
        if not found:
            raise ValueError(f"`{text}` is not a backfill: `none`, `all` or `since 2026-01-31`")
        return cls("since", local_time(found[1], time()).date())

    def __str__(self) -> str:
        return f"since {self.since}" if self.since else self.mode


@dataclass(frozen=True, slots=True)
class Holdout:
    """The share of clients who get nothing, in parts of ten thousand, and the size at which the effect is read."""

    share: int = 0
    read_at: int | None = None

    @classmethod
    def parse(cls, text: str) -> Holdout:
        percent, sign, rest = text.partition("%")
        reading = rest.strip().removeprefix(",").strip()
        if not reading:
            return cls(share(percent + sign))
        found = re.match(r"^read\s+at\s+([1-9]\d*)(\s+clients)?$", reading)
        if not found:
            raise ValueError(f"`{reading}` does not say when to read the effect, as `read at 2000` does")
        return cls(share(percent + sign), int(found[1]))

    def __bool__(self) -> bool:
        return self.share > 0

    def __str__(self) -> str:
        share_text = f"{self.share / 100:g}%"
        return share_text if self.read_at is None else f"{share_text}, read at {self.read_at}"


def share(text: Any) -> int:
    """`"10%"` as parts in ten thousand."""
    found = re.match(r"^\s*(\d{1,2}(?:\.\d{1,2})?)\s*%\s*$", str(text))
    if not found:
        raise ValueError(f"`{text}` is not a share such as `10%`")
    return round(float(found[1]) * 100)


def moment(text: Any) -> datetime:
    """`"2026-12-24 09:00"` as a naive local time."""
    plain = str(text).strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain):
        return local_time(plain, time())
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        raise ValueError(f"`{text}` is not a date and time such as `2026-12-24 09:00`") from None
    if found.tzinfo:
        raise ValueError(f"`{text}` names a zone; the time is on each client's own clock, without one")
    return found


def deadline(text: str) -> str:
    """`"within 2 hours"`, checked and without stray space."""
    found = re.match(r"^\s*within\s+(.+?)\s*$", text)
    if not found:
        raise ValueError(f"`{text}` is not a deadline such as `within 2 hours`")
    duration(found[1])
    return f"within {found[1]}"


def stamp(text: str) -> str:
    """A date or a date and time, checked and without stray space."""
    plain = text.strip()
    local_time(plain, time())
    return plain


def local_time(text: str, default: time) -> datetime:
    """A date, or a date and time, as a naive local time; a date alone gets `default` as its time."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(date.fromisoformat(text), default)
    except ValueError as error:
        raise ValueError(f"`{text}` is no day of the calendar: {error}") from None
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
        raise ValueError(f"`{text}` is not a date such as `2026-06-10`, with or without a time such as `15:00`")
    return moment(text)


def day(text: Any) -> date:
    """`"2026-12-31"` as a day."""
    plain = str(text).strip()
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain):
        raise ValueError(f"`{text}` is not a day such as `2026-12-31`")
    return local_time(plain, time()).date()
