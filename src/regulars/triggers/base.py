"""What every kind of trigger must say: one class for each kind, one method for each question.

A question that has no sensible default is abstract, so that the type checker refuses a kind that leaves it out;
`kinds.trigger_of` is the one place that lists the kinds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

from sqlalchemy import Connection, FromClause, Select
from sqlalchemy.sql import ColumnElement

from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.states import Reason
from regulars.db.tables import promises
from regulars.rules.model import Campaign, Rulebook, Step
from regulars.triggers.explained import CampaignExplanation, ExplainedClient
from regulars.triggers.state_changes import Watched
from regulars.triggers.upcoming import Coming, Upcoming

LastEvents = Mapping[str, tuple[datetime, datetime]]
"""By an event's name: when it last happened, and when the last was received."""


class CopyScope(StrEnum):
    """When promises of one step to two clients with the same address are one email."""

    OCCURRENCE = "occurrence"
    OCCURRENCE_AND_DAY = "occurrence and day"  # two children with different birthdays both count
    CAMPAIGN = "campaign"  # whatever the occurrence


@dataclass(frozen=True, slots=True)
class Subject:
    """What the conditions and emails of a campaign can speak of besides the client."""

    event: str | None = None
    product: bool = False
    calendar_day: bool = False


@dataclass(frozen=True, slots=True)
class Movement:
    """How many clients entered and left what a trigger watches; baseline entries are not written to."""

    entered: int
    left: int
    baseline: bool


@dataclass(frozen=True, slots=True)
class ClientHistory:
    """What is known of one client before planning: enough to tell which triggers cannot concern them."""

    last_events: LastEvents
    watched_by: AbstractSet[str]
    """Keys of the campaigns in whose state the client is, or whose values they have had."""
    product_launched: bool
    """Whether any product was launched, to anybody."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that happens in a rule test, which has one client."""

    events: AbstractSet[str]
    purchased: bool
    product_launched: bool
    fields: Mapping[str, Any]
    zone: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Trigger(ABC):
    """What sets a campaign off. Instances are cheap: make one where it is needed (`kinds.trigger_of`)."""

    campaign: Campaign

    copies: ClassVar[CopyScope] = CopyScope.OCCURRENCE
    """Which promises to several clients of one mailbox are copies of one email."""
    condition: ClassVar[Literal["condition", "value"] | None] = None
    """What its key in the rule file holds, where that is an expression about the client."""
    defers_reentry: ClassVar[bool] = False
    """Whether the pause between two occurrences delays the later one; otherwise it is skipped."""
    watches: ClassVar[bool] = False
    """Whether the passing of time alone can set it off, at an instant that no calendar names."""
    due_from_beginning: ClassVar[bool] = True
    """Whether the due time less the wait is when it began, where nothing else says when."""

    # ---------------------------------------------------------------- what it is about

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """What conditions and emails can speak of besides the client."""

    @abstractmethod
    def occasion(self, book: Rulebook) -> str:
        """When the email goes, as the beginning of the sentence of `describe`, without a full stop."""

    def backfill_words(self) -> str:
        """What `describe` says of those already past the trigger; empty where there is nothing to say."""
        return _backfill(self.campaign)

    # ---------------------------------------------------------------- who is due

    def update(self, context: PlanContext, active: ActiveCampaign) -> Movement | None:
        """Brings what is kept by difference up to the context's instant; None where nothing is kept."""
        del context, active
        return None

    def falls_due(self, context: PlanContext, active: ActiveCampaign) -> bool:
        """Whether it has something for anybody, where that can be told without asking for clients."""
        del context, active
        return True

    @abstractmethod
    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        """Those due at the context's instant who match the audience, in the columns of `candidate_rows.shape`."""

    def timed_candidates(self, context: PlanContext, active: ActiveCampaign, step: Step) -> Select[Any]:
        """Those for whom a step with `at` is due; the rule files allow `at` for events only."""
        raise AssertionError(f"{self.campaign.name}: `{step.key}` has `at`, and no event sets the campaign off")

    # ---------------------------------------------------------------- when it began, and whether it still holds

    @abstractmethod
    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        """When that happened or began which the promise `row` comes from, in microseconds; NULL where nothing did."""

    def join_source(self, joined: FromClause) -> tuple[FromClause, dict[str, Any]]:
        """The promises in `joined` with what they come from, and the arguments of `PlanContext.holds` for it."""
        return joined, {}

    def withdrawn(
        self, context: PlanContext, data: ColumnElement[object] | None
    ) -> list[tuple[ColumnElement[bool], Reason]]:
        """Conditions under which what set the promise off no longer stands, each with its reason."""
        del context, data
        return []

    def still_holds(
        self, context: PlanContext, active: ActiveCampaign, given: Mapping[str, Any]
    ) -> ColumnElement[bool]:
        """Whether the rule's own condition holds for a promise now; the audience is asked of the first email only."""
        audience = context.holds("campaigns", active.campaign.name, "audience", **given)
        return promises.c.step.not_in([step.key for step in active.campaign.opening]) | audience

    # ---------------------------------------------------------------- what cannot concern anybody

    @abstractmethod
    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        """Whether the first email may be due for the client; true where that is not known."""

    def exhausted(self, book: Rulebook, now: datetime, active: ActiveCampaign, last_events: LastEvents) -> bool:
        """Whether nothing of what happened up to now can set it off at `now` or later."""
        del book, now, active, last_events
        return False

    @abstractmethod
    def possible_in(self, story: Story, book: Rulebook) -> bool:
        """Whether it can set anything off in a rule test; true where that is not known."""

    # ---------------------------------------------------------------- when it next can be

    def upcoming(self, active: ActiveCampaign, upcoming: Upcoming) -> list[Coming]:
        """Queries for the next instants at which what has happened by now makes a first email due."""
        del active, upcoming
        return []

    def calendar_times(
        self, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
    ) -> Iterable[datetime]:
        """The instants in (after, until] that the calendar names, for clients of these zones."""
        del book, zones, after, until
        return ()

    def calendar_times_of(
        self, book: Rulebook, person: Person | None, zone: str, after: datetime, until: datetime
    ) -> list[datetime] | None:
        """The same for one client of the zone (None: not known yet); None where no calendar sets it off."""
        del book, person, zone, after, until
        return None

    def watched(self, rules: Ruleset) -> Watched | None:
        """What of a client turns by the mere passing of time; None where nothing does."""
        del rules
        return None

    # ---------------------------------------------------------------- one client, for people

    def load_subject(self, context: PlanContext, person: Person) -> bool:
        """Gives the person what the conditions speak of: the latest event or product. False where there is none."""
        del context, person
        return True

    def latest_source(self, connection: Connection, customer_id: int, now: datetime) -> int | None:
        """The key of the latest event or product that sets it off for the client; None where there is none."""
        del connection, customer_id, now
        return None

    def explain_timed(self, client: ExplainedClient) -> CampaignExplanation | None:
        """The next email that goes by an instant of what happened; None where there is none."""
        del client
        return None

    @abstractmethod
    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        """When the first email is due for the client, or why it is not."""


def _backfill(campaign: Campaign) -> str:
    if campaign.backfill.mode == "all":
        return "those already past it are included"
    if campaign.backfill.since:
        return f"those past it since {campaign.backfill.since} are included"
    return "those already past it are left alone"
