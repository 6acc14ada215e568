"""The interface of triggers: one class for each kind, one method for each question.

Methods without a sensible default are abstract, so that the type checker refuses a kind without them;
`kinds.trigger_of` is the only list of kinds.
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

from regulars.audience.field_labels import date_words
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.states import Reason
from regulars.db.tables import promises
from regulars.rules.model import Campaign, Rulebook, Step
from regulars.triggers.explained import CampaignExplanation, ExplainedClient
from regulars.triggers.state_changes import Watched
from regulars.triggers.upcoming import Upcoming, UpcomingQuery

LastEvents = Mapping[str, tuple[datetime, datetime]]
"""By an event's name: when it last happened, and when the last was received."""


class CopyScope(StrEnum):
    """When promises of one step to two clients with the same address are one email."""

    OCCURRENCE = "occurrence"
    OCCURRENCE_AND_DAY = "occurrence and day"  # two family members with different birthdays both count
    CAMPAIGN = "campaign"  # whatever the occurrence


@dataclass(frozen=True, slots=True)
class Subject:
    """The object besides the client that conditions and emails of a campaign can use."""

    event: str | None = None
    product: bool = False
    calendar_day: bool = False


@dataclass(frozen=True, slots=True)
class Movement:
    """How many clients entered and left a trigger's state; baseline entries get no email."""

    entered: int
    left: int
    baseline: bool


@dataclass(frozen=True, slots=True)
class ClientHistory:
    """Data of one client before planning: enough to exclude triggers that cannot concern them."""

    last_events: LastEvents
    watched_by: AbstractSet[str]
    """Keys of the campaigns whose state the client is in, or whose values they have had."""
    product_launched: bool
    """Whether any product was launched."""


@dataclass(frozen=True, slots=True)
class Story:
    """All events of a rule test, which has one client."""

    events: AbstractSet[str]
    purchased: bool
    product_launched: bool
    fields: Mapping[str, Any]
    zone: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Trigger(ABC):
    """The trigger of a campaign. Instances are cheap: create one where needed (`kinds.trigger_of`)."""

    campaign: Campaign

    copies: ClassVar[CopyScope] = CopyScope.OCCURRENCE
    """Which promises to several clients of one mailbox are copies of one email."""
    condition: ClassVar[Literal["condition", "value"] | None] = None
    """The value of its key in the rule file, if that is an expression about the client."""
    defers_reentry: ClassVar[bool] = False
    """Whether the pause between two occurrences delays the later one; otherwise it is skipped."""
    watches: ClassVar[bool] = False
    """Whether time alone can trigger it, at an instant that no calendar gives."""
    due_from_beginning: ClassVar[bool] = True
    """Whether it began at the due time less the wait, where nothing else gives the beginning."""

    # ---------------------------------------------------------------- subject and words

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """The object besides the client that conditions and emails can use."""

    @abstractmethod
    def occasion(self, rules: Ruleset) -> str:
        """When the email is sent, as the beginning of the sentence of `describe`, without a full stop."""

    def backfill_words(self) -> str:
        """The words of `describe` for clients already past the trigger; empty if none."""
        return _backfill(self.campaign)

    # ---------------------------------------------------------------- who is due

    def update(self, context: PlanContext, active: ActiveCampaign) -> Movement | None:
        """Updates the stored members or values to the context's instant; None where nothing is stored."""
        del context, active
        return None

    def falls_due(self, context: PlanContext, active: ActiveCampaign) -> bool:
        """Whether anything is due, if that is known without querying clients."""
        del context, active
        return True

    @abstractmethod
    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        """Clients due at the context's instant who match the audience, in the columns of `candidate_rows.shape`."""

    def timed_candidates(self, context: PlanContext, active: ActiveCampaign, step: Step) -> Select[Any]:
        """Clients for whom a step with `at` is due; rule files allow `at` for events only."""
        raise AssertionError(f"{self.campaign.name}: `{step.key}` has `at`, and no event sets the campaign off")

    @abstractmethod
    def newly_due(self, context: PlanContext, active: ActiveCampaign, after: datetime) -> list[Select[Any]] | None:
        """The clients whom waits and calendars alone can make due in (after, now]; None for everybody.

        What its conditions make of time is said by `audience.turns`. A superset is right; a client too few is mailed
        by the next full plan only.
        """

    # ---------------------------------------------------------------- when it began, and whether it still holds

    @abstractmethod
    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        """When the source of the promise `row` happened or began, in microseconds; NULL without one."""

    def join_source(self, joined: FromClause, rows: FromClause = promises) -> tuple[FromClause, dict[str, Any]]:
        """The `rows` of `joined` with their sources, and the arguments of `PlanContext.holds` for them."""
        del rows
        return joined, {}

    def withdrawn(
        self, context: PlanContext, data: ColumnElement[object] | None
    ) -> list[tuple[ColumnElement[bool], Reason]]:
        """Conditions under which the source of the promise is no longer valid, each with its reason."""
        del context, data
        return []

    def still_holds(
        self, context: PlanContext, active: ActiveCampaign, given: Mapping[str, Any]
    ) -> ColumnElement[bool]:
        """Whether the rule's own condition is true for a promise now; the audience only for the first email."""
        audience = context.holds("campaigns", active.campaign.name, "audience", **given)
        return promises.c.step.not_in([step.key for step in active.campaign.opening]) | audience

    # ---------------------------------------------------------------- what cannot concern anybody

    @abstractmethod
    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        """Whether the first email can be due for the client; true when unknown."""

    def exhausted(self, book: Rulebook, now: datetime, active: ActiveCampaign, last_events: LastEvents) -> bool:
        """Whether no past event can trigger it at `now` or later."""
        del book, now, active, last_events
        return False

    @abstractmethod
    def possible_in(self, story: Story, book: Rulebook) -> bool:
        """Whether it can trigger in a rule test; true when unknown."""

    # ---------------------------------------------------------------- next instants

    def upcoming(self, active: ActiveCampaign, upcoming: Upcoming) -> list[UpcomingQuery]:
        """Queries for the next instants at which past events make a first email due."""
        del active, upcoming
        return []

    def calendar_times(
        self, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
    ) -> Iterable[datetime]:
        """The calendar instants in (after, until], for clients of these zones."""
        del book, zones, after, until
        return ()

    def calendar_times_of(
        self, book: Rulebook, person: Person | None, zone: str, after: datetime, until: datetime
    ) -> list[datetime] | None:
        """The same for one client of the zone (None: not known yet); None if it does not depend on a calendar."""
        del book, person, zone, after, until
        return None

    def watched(self, rules: Ruleset) -> Watched | None:
        """The state or value of a client that changes with time alone; None if none does."""
        del rules
        return None

    # ---------------------------------------------------------------- one client, for people

    def load_subject(self, context: PlanContext, person: Person) -> bool:
        """Loads the subject of the conditions into the person: the latest event or product. False without one."""
        del context, person
        return True

    def latest_source(self, connection: Connection, customer_id: int, now: datetime) -> int | None:
        """The key of the latest event or product that triggers it for the client; None where there is none."""
        del connection, customer_id, now
        return None

    def explain_timed(self, client: ExplainedClient) -> CampaignExplanation | None:
        """The next email relative to an instant of the event; None where there is none."""
        del client
        return None

    @abstractmethod
    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        """When the first email is due for the client, or why it is not."""


def _backfill(campaign: Campaign) -> str:
    if campaign.backfill.mode == "all":
        return "those already past it are included"
    if campaign.backfill.since:
        day = date_words(campaign.backfill.since)
        return f"those past it since {day} are included, those past it before are left alone"
    return "those already past it are left alone"
