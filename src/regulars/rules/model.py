"""The rule file as typed values: company, policy, events, campaigns, tests.

These pydantic models validate rule files, and the published JSON Schema is generated from them. They
are frozen: a rule is read once and passed around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self, assert_never, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from regulars.core.clock import duration
from regulars.core.diagnostics import Span
from regulars.core.ids import digest
from regulars.core.working import Wait
from regulars.rules import grammar
from regulars.rules.calendar_days import CalendarDay
from regulars.rules.company import Company
from regulars.rules.delivery_rules import Delivery
from regulars.rules.fields import FieldType
from regulars.rules.goal_rules import Goal, Goals
from regulars.rules.guard import CanaryPhrase, Guard
from regulars.rules.notify_rules import Notify
from regulars.rules.offer import Coupon, Offer
from regulars.rules.phrase_types import (
    Again,
    Backfill,
    Condition,
    Deadline,
    Duration,
    EventName,
    Every,
    Holdout,
    Moment,
    Name,
    Part,
    Schedule,
    Until,
)
from regulars.rules.policy import Policy
from regulars.rules.route import DONE, Edge, Route
from regulars.rules.rule_test import Expectation, RuleTest, TestEvent, TestPurchase
from regulars.rules.segments import used_by
from regulars.rules.signup import Signup
from regulars.rules.steps import Choose, Step, StepItem, WaitFor, Wave
from regulars.rules.survey import Survey
from regulars.rules.tariff import Points
from regulars.rules.tracking import Tracking
from regulars.rules.tree import Loc
from regulars.rules.variants import Variant, Varied, shares, ways
from regulars.rules.webhook_rules import Hook

__all__ = [
    "Campaign", "Company", "Coupon", "Delivery", "Expectation", "FieldType", "Kind", "Loc", "Offer", "Part", "Policy",
    "RuleTest", "Rulebook", "Step", "TestEvent", "TestPurchase",
]  # fmt: skip

TriggerKey = Literal["on", "when", "each", "every", "new", "at", "schedule"]
TRIGGERS: tuple[TriggerKey, ...] = get_args(TriggerKey)
"""The keys of the rule file of which a campaign has exactly one."""
SENDS = ("email", "steps", "waves")
_NOT_THE_RULE = {"was", "about", "guard", "canary"}
"""Keys that change nobody's emails: to edit them is not to change the rule."""


class Kind(StrEnum):
    """Marketing obeys consent, caps and quiet hours; transactional emails belong to a requested service."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class TriggerKind(StrEnum):
    """The kinds of trigger; `triggers` has a class for each."""

    EVENT = "event"
    STATE = "state"
    VALUE = "value"
    PRODUCT = "product"
    DATE = "date"
    CALENDAR_DAY = "calendar day"
    FIXED_TIME = "fixed time"


def _named(keys: tuple[str, ...]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def shape_faults(keys: set[str], own_ways: Sequence[bool] = ()) -> list[str]:
    """Faults in the combination of a campaign's keys, in words; `own_ways` says which variants have own steps."""
    triggers = [key for key in TRIGGERS if key in keys]
    faults = []
    if len(triggers) != 1:
        has = " and ".join(f"`{key}`" for key in triggers) or "none"
        faults.append(f"a campaign has exactly one of {_named(TRIGGERS)}; this has {has}")
    sends = [key for key in SENDS if key in keys]
    if len(sends) != 1 and not (own_ways and all(own_ways) and not sends):
        has = " and ".join(f"`{key}`" for key in sends) or "none"
        faults.append(f"a campaign has one `email`, or a list of `steps`, or a list of `waves`; this has {has}")
    return faults


class Campaign(Varied):
    """One rule: who becomes due, which emails they get, and under what limits."""

    about: str | None = Field(default=None, description="One line for colleagues")
    enabled: bool = Field(default=True, description="`false` stops it; promised emails are not sent")
    kind: Kind = Field(
        default=Kind.MARKETING, description="Marketing obeys consent, cap and quiet hours; transactional is a service"
    )
    topic: Name = Field(default="marketing", description="The topic for unsubscribing")
    priority: int = Field(default=0, ge=-100, le=100, description="Which campaign precedes under the frequency cap")
    on: EventName | None = Field(default=None, description="Triggered by an event")
    when: Condition | None = Field(default=None, description="Triggered when this becomes true")
    each: Condition | None = Field(default=None, description="Triggered by a new value of the client, once per value")
    every: Every | None = Field(default=None, description="Triggered by a recurring date")
    new: Literal["product"] | None = Field(default=None, description="Triggered by a product launch")
    at: tuple[Moment, ...] | None = Field(default=None, description="Fixed times, in the client's time zone")
    schedule: Schedule | None = Field(default=None, description="Recurring times, in the client's time zone")
    audience: Condition | None = Field(default=None, description="Only clients for whom this is true")
    again: Again | None = Field(
        default=None, description="Whether a client gets it again; default for states: once, others: each time"
    )
    send: Deadline | None = Field(default=None, description="`within 2 hours`: the latest time after it is due")
    sender: Literal["company", "manager"] = Field(default="company", alias="from", description="The sender")
    to: Literal["customer", "manager"] = Field(default="customer", description="The recipient")
    cc: tuple[Literal["manager"], ...] = Field(default=(), description="Copies")
    email: Name | None = Field(default=None, description="Folder under `templates/emails/`, for a single email")
    steps: tuple[StepItem, ...] = Field(default=(), description="A sequence of emails, with waits and branches")
    waves: tuple[Wave, ...] = Field(default=(), description="Emails of which each client gets one, the first match")
    until: Until | None = Field(default=None, description="An event after which no further email is sent")
    goals: Goals = Field(
        default=(), alias="goal", description="The goal: an event, and the time within which it counts"
    )
    offer: Offer | None = Field(default=None, description="The offer of the emails")
    survey: Name | None = Field(default=None, description="The survey that `links.survey` of its emails opens")
    holdout: Holdout = Field(
        default=grammar.Holdout(),
        description="The share of clients who get nothing, to compare with; `10%, read at 2000` also says how many"
        " clients are to be drawn before the effect is read",
    )
    variants: tuple[Variant, ...] = Field(
        default=(),
        description="A/B test: words, emails, senders, offers or steps, of which each client gets one",
    )
    backfill: Backfill = Field(
        default=grammar.Backfill("none"), description="Which clients already past the trigger are included"
    )
    late: Duration | None = Field(default=None, description="Instead of the policy's `late`")
    quiet_hours: Literal["keep", "ignore"] | None = Field(
        default=None, description="Whether it obeys quiet hours; marketing does, unless it says `ignore`"
    )
    tracking: bool | None = Field(
        default=None, description="`true`: measure a service email too; `false`: do not measure"
    )
    guard: Guard | None = Field(default=None, description="When it stops by itself, instead of what the policy says")
    canary: CanaryPhrase | None = Field(
        default=None, description="How many emails go first when it is new or changed, instead of the policy's"
    )
    was: Name | None = Field(default=None, description="The campaign's former name")

    name: str = Field(default="", exclude=True, json_schema_extra={"regulars": "internal"})

    @model_validator(mode="before")
    @classmethod
    def _one_for_a_list(cls, data: Any) -> Any:
        """`at: 2026-12-24 09:00` and `cc: manager` stand for a list of one."""
        if not isinstance(data, dict):
            return data
        single = {
            key: (data[key],)
            for key in ("at", "cc")
            if data.get(key) is not None and not isinstance(data[key], (list, tuple))
        }
        return {**data, **single}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = {key for key in (*TRIGGERS, *SENDS) if getattr(self, key)}
        for fault in shape_faults(given, [bool(one.steps) for one in self.variants]):
            raise PydanticCustomError("shape", "{said}", {"said": fault})
        keys = [s.key for s in self.waves]
        if len(set(keys)) != len(keys) or self.route.repeated:
            raise PydanticCustomError("same_step", "two steps send the same email: give each an `id` of its own")
        if not self.all_steps:
            raise PydanticCustomError("no_email", "the sequence sends no email")
        return self

    @cached_property
    def variant_shares(self) -> Mapping[str, int]:
        """The share of each variant by name, in parts of ten thousand."""
        return shares(self.variants)

    @property
    def is_experiment(self) -> bool:
        """Whether its clients are drawn into groups."""
        return bool(self.holdout or self.variants)

    @cached_property
    def route(self) -> Route:
        """The way through its steps; empty for waves, of which each client gets one."""
        if self.waves:
            return Route({}, None)
        own = (Step(email=self.email),) if self.email else ()
        return Route.of(ways(self.variants, self.steps or own))

    @cached_property
    def all_steps(self) -> tuple[Step, ...]:
        """All emails in order, those of branches included: steps, waves, or the one of the short form `email:`."""
        if self.waves:
            return tuple(Step(email=wave.email, wait=wave.wait, id=wave.id) for wave in self.waves)
        return self.route.emails

    def place_of(self, key: str) -> Loc:
        """Where the email with this key is written, relative to the campaign."""
        if self.waves:
            return ("waves", next(place for place, wave in enumerate(self.waves) if wave.key == key))
        loc = self.route.stops[key].loc
        return loc if self.steps or loc[0] == "variants" else ()

    @property
    def goal(self) -> Goal | None:
        """The first goal, by which the effect is measured."""
        return self.goals[0] if self.goals else None

    @property
    def lead(self) -> Wait:
        """The wait between the trigger and the first promise; waves and decisions are entered at once."""
        return self.opening[0].wait if self.opening and not self.waves else Wait()

    @property
    def opening(self) -> tuple[Step, ...]:
        """The emails of which one comes first: the first step, or the waves; none where a decision comes first."""
        if self.waves:
            return self.all_steps
        first = self.route.stops[self.route.root].item if self.route.root is not None else None
        return (first,) if isinstance(first, Step) else ()

    @property
    def following(self) -> list[tuple[Step, Step]]:
        """Each email that waits for another, with that other before it."""
        before = [(self.route.follows(Edge(step.key, DONE)), step) for step in self.route.emails]
        pairs = [(step, self.route.stops[key].item) for key, step in before if key is not None]
        return [(step, after) for step, after in pairs if isinstance(after, Step) and after.at is None]

    @property
    def step_conditions(self) -> list[tuple[Loc, str]]:
        """The conditions of its steps, branches and waves, with their places relative to the campaign."""
        found: list[tuple[Loc, str | None]] = [(("waves", n, "to"), wave.to) for n, wave in enumerate(self.waves)]
        for stop in self.route.stops.values():
            if isinstance(stop.item, (Step, WaitFor)):
                found.append(((*stop.loc, "if"), stop.item.condition))
            elif isinstance(stop.item, Choose):
                branches = enumerate(stop.item.choose)
                found += [((*stop.loc, "choose", place, "if"), branch.condition) for place, branch in branches]
        return [(loc, text) for loc, text in found if text is not None]

    def awaited_at(self, place: Loc) -> str | None:
        """The event for which the step at this place waits; None where none does."""
        items = (stop.item for stop in self.route.stops.values() if stop.loc == place)
        return next((item.wait_for.event for item in items if isinstance(item, WaitFor)), None)

    @property
    def trigger_key(self) -> TriggerKey:
        """The rule file key of its trigger."""
        return next(key for key in TRIGGERS if getattr(self, key) is not None)

    @property
    def trigger_kind(self) -> TriggerKind:
        """The kind of its trigger."""
        match self.trigger_key:
            case "on":
                return TriggerKind.EVENT
            case "when":
                return TriggerKind.STATE
            case "each":
                return TriggerKind.VALUE
            case "new":
                return TriggerKind.PRODUCT
            case "every":
                by_calendar = self.every is not None and self.every.calendar is not None
                return TriggerKind.CALENDAR_DAY if by_calendar else TriggerKind.DATE
            case "at" | "schedule":
                return TriggerKind.FIXED_TIME
            case key:
                assert_never(key)

    def signed(self, step: Step) -> Literal["company", "manager"]:
        """In whose name an email is sent: its wave's value, else the campaign's."""
        return next((wave.sender for wave in self.waves if wave.key == step.key and wave.sender), self.sender)

    def max_lateness(self, policy: Policy) -> timedelta:
        """How long after its due time an email may still be sent."""
        if self.send is not None:
            return duration(self.send.strip().removeprefix("within"))
        return self.late if self.late is not None else policy.late

    def measured(self, policy: Policy) -> Tracking | None:
        """What is measured in its emails; None for nothing, as for a service email without `tracking: true`."""
        wanted = self.kind is Kind.MARKETING if self.tracking is None else self.tracking
        return policy.tracking if wanted and self.to == "customer" and policy.tracking.any else None

    @property
    def reentry(self) -> grammar.Again:
        """The re-entry rule; states default to once, everything else to each time."""
        return self.again or grammar.Again(None if self.trigger_kind is TriggerKind.STATE else timedelta())

    @property
    def obeys_quiet_hours(self) -> bool:
        """Marketing to clients obeys quiet hours unless the rule says `ignore`; other emails only with `keep`."""
        if self.quiet_hours is not None:
            return self.quiet_hours == "keep"
        return self.kind is Kind.MARKETING and self.to == "customer"

    @cached_property
    def digest(self) -> str:
        """Hash of the whole rule, without its name."""
        absent: dict[str, Any] = dict.fromkeys(_NOT_THE_RULE, True)
        if not self.variants:  # rules that do not use what a later release added keep the digest that they had
            absent["variants"] = True
        elif not any(one.steps for one in self.variants):
            absent["variants"] = {"__all__": {"steps"}}
        return digest(self.model_dump(mode="json", by_alias=True, exclude=absent))

    @cached_property
    def trigger_digest(self) -> str:
        """Hash of the part of the rule that decides who becomes due."""
        return digest([str(getattr(self, self.trigger_key)), self.trigger_key, self.audience])


@dataclass(frozen=True)
class Rulebook:
    """All rule files of a workspace, read and valid."""

    company: Company
    policy: Policy
    campaigns: Mapping[str, Campaign]
    events: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    tests: tuple[RuleTest, ...] = ()
    spans: Mapping[Loc, Span] = field(default_factory=dict)
    """Where each value was written; a scalar's span covers its text."""
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    calendars: Mapping[str, CalendarDay] = field(default_factory=dict)
    topics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The names of topics, by language."""
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    points: Points = field(default_factory=Points)
    signup: Signup | None = None
    """The form at `/join`; None without one."""
    segments: Mapping[str, str] = field(default_factory=dict)
    """Conditions by the name of their segment."""
    notify: Mapping[str, Notify] = field(default_factory=dict)
    """Programs that are told of what happens."""
    delivery: Delivery = field(default_factory=Delivery)

    def calendar_day(self, campaign: Campaign) -> CalendarDay | None:
        """The calendar day of the campaign; None for other triggers."""
        kept = campaign.every.calendar if campaign.every is not None else None
        return self.calendars.get(kept) if kept is not None else None

    def digest(self, campaign: Campaign) -> str:
        """Hash of everything that decides about the campaign's emails: the rule and its calendar days."""
        return self._with_parts(campaign, campaign.digest, self.segments_of(campaign))

    def trigger_digest(self, campaign: Campaign) -> str:
        """Hash of what decides who becomes due, and when."""
        segments = used_by((campaign.when, campaign.each, campaign.audience), self.segments)
        return self._with_parts(campaign, campaign.trigger_digest, segments)

    def _with_parts(self, campaign: Campaign, own: str, segments: Mapping[str, str]) -> str:
        kept_day = self.calendar_day(campaign)
        with_day = own if kept_day is None else digest([own, kept_day.written])
        return digest([with_day, dict(segments)]) if segments else with_day

    def segments_of(self, campaign: Campaign) -> dict[str, str]:
        """The segments that the campaign's conditions use, with those of which they are made."""
        texts = (text for _, text in campaign.step_conditions)
        return used_by((campaign.when, campaign.each, campaign.audience, *texts), self.segments)

    def span(self, *loc: str | int) -> Span | None:
        """The place of a value, or of the nearest enclosing one."""
        while loc:
            if loc in self.spans:
                return self.spans[loc]
            loc = loc[:-1]
        return None

    @property
    def by_priority(self) -> list[Campaign]:
        """Campaigns by priority; ties by name."""
        return sorted(self.campaigns.values(), key=lambda c: (-c.priority, c.name))
