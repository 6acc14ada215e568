"""The rule file as typed values: company, policy, events, campaigns, tests.

These pydantic models validate what the author wrote, and the published JSON Schema is generated from
them. They are frozen: a rule is read once and passed around.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from regulars.core.calendar import LeapDay, Window, zone
from regulars.core.clock import duration, words
from regulars.core.diagnostics import Span
from regulars.core.ids import digest
from regulars.rules import grammar


def _phrase(parse: Callable[[Any], Any], kinds: tuple[type, ...], example: str, pattern: str | None = None) -> Any:
    """Pydantic furniture for a value that is written as a phrase of text."""

    def read(value: Any) -> Any:
        return value if isinstance(value, kinds) else parse(str(value))

    schema: dict[str, Any] = {"type": "string", "examples": [example]}
    if pattern:
        schema["pattern"] = pattern
    return BeforeValidator(read), schema


def _hhmm(value: Window) -> str:
    return f"{value.start:%H:%M}-{value.end:%H:%M}"


_d, _ds = _phrase(duration, (timedelta,), "14 days", r"^\s*\d+\s*(minute|hour|day|week|month|year)s?\s*$")
_w, _ws = _phrase(grammar.window, (Window,), "20:00-09:00", r"^\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}$")
_t, _ts = _phrase(grammar.clock, (time,), "10:00", r"^\d{1,2}:\d{2}$")
_c, _cs = _phrase(grammar.Cap.parse, (grammar.Cap,), "2 per 7 days", r"^\s*\d+\s+per\s+.+$")
_e, _es = _phrase(grammar.Every.parse, (grammar.Every,), "year since customer.birthday, 3 days before")
_s, _ss = _phrase(grammar.Schedule.parse, (grammar.Schedule,), "monthly on first monday at 10:00")
_g, _gs = _phrase(grammar.Goal.parse, (grammar.Goal,), "purchase within 14 days")
_a, _as = _phrase(grammar.Again.parse, (grammar.Again,), "after 365 days")
_b, _bs = _phrase(grammar.Backfill.parse, (grammar.Backfill,), "none")
_h, _hs = _phrase(grammar.share, (int,), "10%", r"^\s*\d{1,2}(\.\d{1,2})?\s*%\s*$")
_m, _ms = _phrase(grammar.moment, (), "2026-12-24 09:00")

Duration = Annotated[timedelta, _d, WithJsonSchema(_ds), PlainSerializer(words)]
Daily = Annotated[Window, _w, WithJsonSchema(_ws), PlainSerializer(_hhmm)]
Clock = Annotated[time, _t, WithJsonSchema(_ts), PlainSerializer(lambda t: f"{t:%H:%M}")]
Cap = Annotated[grammar.Cap, _c, WithJsonSchema(_cs), PlainSerializer(str)]
Every = Annotated[grammar.Every, _e, WithJsonSchema(_es), PlainSerializer(str)]
Schedule = Annotated[grammar.Schedule, _s, WithJsonSchema(_ss), PlainSerializer(str)]
Goal = Annotated[grammar.Goal, _g, WithJsonSchema(_gs), PlainSerializer(str)]
Again = Annotated[grammar.Again, _a, WithJsonSchema(_as), PlainSerializer(str)]
Backfill = Annotated[grammar.Backfill, _b, WithJsonSchema(_bs), PlainSerializer(str)]
Share = Annotated[int, _h, WithJsonSchema(_hs)]
Moment = Annotated[datetime, _m, WithJsonSchema(_ms), PlainSerializer(lambda m: f"{m:%Y-%m-%d %H:%M}")]
Zone = Annotated[str, BeforeValidator(lambda name: str(zone(str(name)).key))]
Condition = Annotated[str, Field(min_length=1, json_schema_extra={"format": "regulars-condition"})]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
EventName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$")]


class Kind(StrEnum):
    """Marketing obeys consent, caps and quiet hours; transactional is part of a service asked for."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class FieldType(StrEnum):
    """The types of values that fields of clients and events have."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    INSTANT = "instant"
    LIST = "list"


class Part(BaseModel):
    """A part of the rule file: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True)


class Company(Part):
    """Who sends: shown in every email."""

    name: str = Field(min_length=1)
    sender: str = Field(alias="from", description="The mailbox emails come from: `Ana <ana@studio.example>`")
    reply_to: str | None = None
    address: str = Field(min_length=1, description="Postal address, in the footer of marketing emails")
    locale: str = "en"
    timezone: Zone = "UTC"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    website: str | None = None
    phone: str | None = None
    logo: str | None = None
    color: str = Field(default="#2f5d50", pattern=r"^#[0-9a-fA-F]{6}$", description="Accent colour of the emails")


class Policy(Part):
    """What protects clients, for every campaign."""

    quiet_hours: Daily | None = None
    cap: Cap | None = None
    late: Duration = timedelta(days=2)
    send_at: Clock = time(10, 0)
    leap_day: LeapDay = LeapDay.FEB_28
    consent: Literal["opt-out", "opt-in"] = "opt-out"
    uncertain: Literal["keep", "resend"] = "keep"


class Coupon(Part):
    """A code minted for one client."""

    percent: int | None = Field(default=None, ge=1, le=100)
    amount: Decimal | None = Field(default=None, gt=0)
    gift: str | None = None
    valid: Duration = timedelta(days=14)
    uses: int = Field(default=1, ge=1)
    prefix: str = Field(default="", pattern=r"^[A-Z0-9]{0,8}$")

    @model_validator(mode="after")
    def _one_benefit(self) -> Self:
        if sum(x is not None for x in (self.percent, self.amount, self.gift)) != 1:
            raise ValueError("a coupon gives exactly one of `percent`, `amount`, `gift`")
        return self

    @property
    def benefit(self) -> dict[str, Any]:
        """The one benefit as JSON-ready data: {"percent": 50}, {"amount": "10"} or {"gift": "…"}."""
        if self.percent is not None:
            return {"percent": self.percent}
        return {"amount": str(self.amount)} if self.amount is not None else {"gift": self.gift}


class Offer(Part):
    """What an email gives."""

    coupon: Coupon


class Step(Part):
    """One email of a campaign, `wait` after the trigger or after the step before."""

    email: Name
    wait: Duration = timedelta()
    condition: Condition | None = Field(default=None, alias="if")
    id: Name | None = Field(default=None, description="The step's lasting name, where two send the same email")

    @property
    def key(self) -> str:
        """The name under which the ledger keeps this step: it survives reordering."""
        return self.id or self.email


class Campaign(Part):
    """One rule: who becomes due, which emails they get, and under what limits."""

    about: str | None = Field(default=None, description="One line for colleagues")
    enabled: bool = True
    kind: Kind = Kind.MARKETING
    topic: Name = "marketing"
    priority: int = Field(default=0, ge=-100, le=100)
    on: EventName | None = Field(default=None, description="An event sets it off")
    when: Condition | None = Field(default=None, description="A state that becomes true sets it off")
    every: Every | None = Field(default=None, description="A date that comes round sets it off")
    at: tuple[Moment, ...] | None = Field(default=None, description="Set dates, on the client's own clock")
    schedule: Schedule | None = Field(default=None, description="A repeating moment, on the client's own clock")
    audience: Condition | None = None
    again: Again | None = None
    send: str | None = Field(default=None, pattern=r"^within .+$", description="`within 2 hours`: a deadline")
    sender: Literal["company", "manager"] = Field(default="company", alias="from")
    to: Literal["customer", "manager"] = "customer"
    cc: tuple[Literal["manager"], ...] = ()
    email: Name | None = None
    steps: tuple[Step, ...] = ()
    until: EventName | None = None
    goal: Goal | None = None
    offer: Offer | None = None
    holdout: Share = 0
    backfill: Backfill = grammar.Backfill("none")
    late: Duration | None = None
    quiet_hours: Literal["keep", "ignore"] | None = None
    was: Name | None = Field(default=None, description="The name this campaign had before")

    name: str = Field(default="", exclude=True, json_schema_extra={"regulars": "internal"})

    @model_validator(mode="before")
    @classmethod
    def _single_at(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("at") is not None and not isinstance(data["at"], (list, tuple)):
            return {**data, "at": [data["at"]]}
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        triggers = [t for t in ("on", "when", "every", "at", "schedule") if getattr(self, t) is not None]
        if len(triggers) != 1:
            raise ValueError(f"a campaign has exactly one of `on`, `when`, `every`, `at`, `schedule`; this has {len(triggers)}")
        if (self.email is None) == (not self.steps):
            raise ValueError("a campaign has either one `email` or a list of `steps`")
        keys = [s.key for s in self.all_steps]
        if len(set(keys)) != len(keys):
            raise ValueError("two steps send the same email: give each an `id` of its own")
        if self.send is not None:
            duration(self.send.removeprefix("within "))
        return self

    @cached_property
    def all_steps(self) -> tuple[Step, ...]:
        """The emails in order, also where the short form `email:` was used."""
        return self.steps or (Step(email=self.email or ""),)

    @property
    def trigger(self) -> Literal["on", "when", "every", "at", "schedule"]:
        """Which kind of trigger sets it off."""
        for kind in ("on", "when", "every", "at"):
            if getattr(self, kind) is not None:
                return kind  # type: ignore[return-value]
        return "schedule"

    def patience(self, policy: Policy) -> timedelta:
        """How long after its due time an email may still go."""
        if self.send is not None:
            return duration(self.send.removeprefix("within "))
        return self.late if self.late is not None else policy.late

    @property
    def reentry(self) -> grammar.Again:
        """The re-entry rule; states default to once, everything else to each time."""
        return self.again or grammar.Again(None if self.when is not None else timedelta())

    @property
    def heeds_quiet_hours(self) -> bool:
        """Marketing to clients keeps quiet hours unless the rule says otherwise; the rest only if it does."""
        if self.quiet_hours is not None:
            return self.quiet_hours == "keep"
        return self.kind is Kind.MARKETING and self.to == "customer"

    @cached_property
    def digest(self) -> str:
        """Hash of all that the rule says, its name apart."""
        return digest(self.model_dump(mode="json", by_alias=True, exclude={"was", "about"}))

    @cached_property
    def trigger_digest(self) -> str:
        """Hash of what decides who becomes due."""
        return digest([str(getattr(self, self.trigger)), self.trigger, self.audience])


class Expectation(Part):
    """What a test expects of one campaign."""

    subject: str | None = None
    reason: str | None = None
    step: Name | None = None
    contains: str | None = None


class TestEvent(Part):
    """Something that happened to the client of a test."""

    __test__ = False
    name: EventName
    at: str
    data: dict[str, Any] = Field(default_factory=dict)


class TestPurchase(Part):
    """A purchase of the client of a test."""

    __test__ = False
    at: str
    amount: Decimal = Decimal(0)
    products: tuple[str, ...] = ()


class RuleTest(Part):
    """A client's history, a day, and who must get what; run on a frozen clock."""

    name: str
    customer: dict[str, Any] = Field(default_factory=dict)
    purchases: tuple[TestPurchase, ...] = ()
    events: tuple[TestEvent, ...] = ()
    since: str | None = Field(default=None, description="When the rules came into force; default: long before")
    on: str = Field(description="The day, or day and local time, up to which the clock runs")
    expect: dict[str, Expectation | Literal["nothing"]] = Field(default_factory=dict)


Loc = tuple[str | int, ...]
"""Where a value stands in the rule file: ("campaigns", "win-back", "steps", 0, "if")."""


@dataclass(frozen=True)
class Rulebook:
    """All rule files of a workspace, read and sound."""

    company: Company
    policy: Policy
    campaigns: Mapping[str, Campaign]
    events: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    tests: tuple[RuleTest, ...] = ()
    spans: Mapping[Loc, Span] = field(default_factory=dict)
    """Where each value was written; a scalar's span covers its text."""

    def span(self, *loc: str | int) -> Span | None:
        """The place of a value, or of the nearest thing around it."""
        while loc:
            if loc in self.spans:
                return self.spans[loc]
            loc = loc[:-1]
        return None

    @property
    def by_priority(self) -> list[Campaign]:
        """Campaigns, the most important first; equals by name."""
        return sorted(self.campaigns.values(), key=lambda c: (-c.priority, c.name))


