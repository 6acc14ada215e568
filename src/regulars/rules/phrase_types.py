"""Phrases of rule files as pydantic types: each parses, prints and has a JSON Schema.

An invalid phrase fails with the error type `phrase`, whose context says what was expected.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from regulars.core.calendar import Window, zone
from regulars.core.clock import words
from regulars.core.holidays import region
from regulars.core.working import WEEK, Wait, Week
from regulars.rules import awaited, bounce_rules, grammar


class Part(BaseModel):
    """A part of the rule file: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True)


def phrase(
    parse: Callable[[str], Any], kinds: tuple[type, ...], noun: str, example: str, pattern: str | None = None
) -> tuple[BeforeValidator, WithJsonSchema]:
    """The pydantic type of a phrase. A value of `kinds` is accepted unchanged."""

    def read(value: Any) -> Any:
        if isinstance(value, kinds):
            return value
        context = {"noun": noun, "example": example, "said": ""}
        if value is None or isinstance(value, (list, tuple, dict)):
            raise PydanticCustomError("phrase", "expected {noun} such as `{example}`", context)
        try:
            return parse(str(value))
        except ValueError as error:
            raise PydanticCustomError("phrase", "{said}", {**context, "said": str(error)}) from None

    schema: dict[str, Any] = {"type": "string", "description": noun, "examples": [example]}
    if pattern:
        schema["pattern"] = pattern
    return BeforeValidator(read), WithJsonSchema(schema)


def _hhmm(value: Window) -> str:
    return f"{value.start:%H:%M}-{value.end:%H:%M}"


def _of_parts(value: Any) -> Any:
    """A holdout that the database keeps as a number: parts in ten thousand."""
    return grammar.Holdout(value) if isinstance(value, int) else value


def _parts(holdout: grammar.Holdout) -> int | str:
    """The stored form: a share alone as the number that earlier versions stored, so that its digest does not change."""
    return holdout.share if holdout.read_at is None else str(holdout)


_SPAN = r"\d+\s*(minute|hour|day|week|month|year)s?"
_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d"
_DATE = r"\d{4}-\d{2}-\d{2}"
_SINCE = (
    r"^\s*((\d+\s+)?(year|month)s?\s+since\s+customer\.[a-z_]\w*|year\s+on\s+[a-z][a-z0-9-]*)"
    r"(\s*,\s*\d+\s+(day|week)s?\s+(before|after))?\s*$"
)
_LOOSE = WEEK.replace("?:", "")
_STAMP = rf"^\s*{_DATE}([T ]\d{{2}}:\d{{2}}(:\d{{2}})?)?\s*$"

_d, _ds = phrase(grammar.duration, (timedelta,), "a duration", "14 days", rf"^\s*{_SPAN}\s*$")
_w, _ws = phrase(grammar.window, (Window,), "a daily window", "20:00-09:00", rf"^\s*{_CLOCK}\s*-\s*{_CLOCK}\s*$")
_t, _ts = phrase(grammar.clock, (time,), "a time of day", "10:00", rf"^\s*{_CLOCK}\s*$")
_c, _cs = phrase(
    grammar.Cap.parse, (grammar.Cap,), "a frequency cap", "2 per 7 days", rf"^\s*[1-9]\d*\s+per\s+{_SPAN}\s*$"
)
_e, _es = phrase(grammar.Every.parse, (grammar.Every,), "a repeating date", "year since customer.birthday", _SINCE)
_s, _ss = phrase(grammar.Schedule.parse, (grammar.Schedule,), "a schedule", "monthly on first monday at 10:00")
_u, _us = phrase(
    grammar.Until.parse, (grammar.Until,), "an event to stop at", "request.answered with same id",
    r"^\s*[a-z][\w.-]*(\s+with\s+same\s+\w+(\s+and\s+\w+)*)?\s*$",
)  # fmt: skip
_aw, _aws = phrase(
    awaited.Awaited.parse, (awaited.Awaited,), "an event to wait for", "purchase within 7 days", awaited.PATTERN
)
_a, _as = phrase(
    grammar.Again.parse, (grammar.Again,), "a re-entry rule", "after 365 days",
    rf"^\s*(never|always|after\s+{_SPAN})\s*$",
)  # fmt: skip
_b, _bs = phrase(
    grammar.Backfill.parse, (grammar.Backfill,), "a backfill", "none", rf"^\s*(none|all|since\s+{_DATE})\s*$"
)
_h, _hs = phrase(grammar.share, (int,), "a share", "10%", r"^\s*\d{1,2}(\.\d{1,2})?\s*%\s*$")
_ho, _hos = phrase(
    grammar.Holdout.parse, (grammar.Holdout,), "a share held out", "10%",
    r"^\s*\d{1,2}(\.\d{1,2})?\s*%\s*(,?\s*read\s+at\s+[1-9]\d*(\s+clients)?\s*)?$",
)  # fmt: skip
_m, _ms = phrase(grammar.moment, (datetime,), "a date and time", "2026-12-24 09:00", _STAMP)
_l, _ls = phrase(grammar.deadline, (), "a deadline", "within 2 hours", rf"^\s*within\s+{_SPAN}\s*$")
_f, _fs = phrase(
    grammar.Timing.parse, (grammar.Timing,), "a time told from the event", "1 day before event.starts_at",
    rf"^\s*({_SPAN}\s+(before|after)\s+)?event\.[a-z_]\w*\s*$",
)  # fmt: skip
_ww, _wws = phrase(
    grammar.wait, (Wait,), "a wait", "4 working hours", rf"^\s*({_SPAN}|\d+\s+working\s+(hour|day)s?)\s*$"
)
_wk, _wks = phrase(
    Week.parse, (Week,), "a week of working hours", "monday-friday 09:00-18:00", rf"^{_LOOSE}(,{_LOOSE})*$"
)
_r, _rs = phrase(region, (), "a country, or a region of it", "MD", r"^\s*[A-Z]{2}(-\w+)?\s*$")
_do, _dos = phrase(grammar.day, (date,), "a day", "2026-12-31", rf"^\s*{_DATE}\s*$")
_y, _ys = phrase(grammar.stamp, (), "a date, or a date and time", "2026-06-10 15:00", _STAMP)
_bo, _bos = phrase(bounce_rules.return_path, (), "an address for returned emails", "bounces@studio.example")
_sb, _sbs = phrase(
    bounce_rules.SoftBounces.parse, (bounce_rules.SoftBounces,), "how many of the last emails",
    "3 of the last 5 within 30 days",
    rf"^\s*(never|[1-9]\d*\s+of\s+(the\s+)?last\s+[1-9]\d*(\s+within\s+{_SPAN})?)\s*$",
)  # fmt: skip

Duration = Annotated[timedelta, _d, _ds, PlainSerializer(words)]
Waiting = Annotated[Wait, _ww, _wws, PlainSerializer(str)]
WorkingWeek = Annotated[Week, _wk, _wks, PlainSerializer(str)]
Region = Annotated[str, _r, _rs]
Day = Annotated[date, _do, _dos, PlainSerializer(str)]
Daily = Annotated[Window, _w, _ws, PlainSerializer(_hhmm)]
Clock = Annotated[time, _t, _ts, PlainSerializer(lambda t: f"{t:%H:%M}")]
Cap = Annotated[grammar.Cap, _c, _cs, PlainSerializer(str)]
Every = Annotated[grammar.Every, _e, _es, PlainSerializer(str)]
Schedule = Annotated[grammar.Schedule, _s, _ss, PlainSerializer(str)]
Until = Annotated[grammar.Until, _u, _us, PlainSerializer(str)]
Awaited = Annotated[awaited.Awaited, _aw, _aws, PlainSerializer(str)]
Again = Annotated[grammar.Again, _a, _as, PlainSerializer(str)]
Backfill = Annotated[grammar.Backfill, _b, _bs, PlainSerializer(str)]
Share = Annotated[int, _h, _hs]
Holdout = Annotated[grammar.Holdout, _ho, BeforeValidator(_of_parts), _hos, PlainSerializer(_parts)]
Moment = Annotated[datetime, _m, _ms, PlainSerializer(lambda m: f"{m:%Y-%m-%d %H:%M}")]
Deadline = Annotated[str, _l, _ls]
Stamp = Annotated[str, _y, _ys]
Bounces = Annotated[str, _bo, _bos]
SoftBounceLimit = Annotated[bounce_rules.SoftBounces, _sb, _sbs, PlainSerializer(str)]
Timing = Annotated[grammar.Timing, _f, _fs, PlainSerializer(str)]


def _zone(name: Any) -> str:
    try:
        return str(zone(str(name)).key)
    except ValueError as error:
        raise PydanticCustomError(
            "zone", "{said}", {"noun": "an IANA time zone", "example": "Europe/Tallinn", "said": str(error)}
        ) from None


Zone = Annotated[str, BeforeValidator(_zone), Field(examples=["Europe/Tallinn"], description="IANA time zone")]
Condition = Annotated[str, Field(min_length=1, json_schema_extra={"format": "regulars-condition"})]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
EventName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$")]
