"""The data of `explain` about one campaign and one client, and the resulting sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from regulars.audience.clause_words import day, when, why_not
from regulars.audience.clauses import Clause
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.working import Wait
from regulars.rules.model import Campaign


@dataclass(frozen=True, slots=True)
class Row:
    """One promise of the ledger."""

    id: int
    campaign: str
    step: str
    occurrence: str
    state: str
    reason: str | None
    detail: str | None
    due_at: datetime
    next_at: datetime
    created_at: datetime
    settled_at: datetime | None
    code: int | None
    message_id: str | None

    @property
    def verdict(self) -> tuple[str, str | None]:
        """State and reason."""
        return self.state, self.reason


@dataclass(frozen=True, slots=True)
class Decided:
    """One row of `decisions`: a step at which the client waits, or what was decided there."""

    campaign: str
    step: str
    occurrence: str
    began_at: datetime
    until_at: datetime
    branch: str | None
    at: datetime | None
    decided_at: datetime | None
    cause: str | None
    moved_to: str | None
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stay:
    """The client's stay in the state of a `when` campaign; `baseline`: was in it when the rule came into force."""

    entered_at: datetime
    left_at: datetime | None
    baseline: bool


@dataclass(frozen=True, slots=True)
class CampaignExplanation:
    """The sentence, and when an email can become due without further events."""

    sentence: str
    due_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExplainedClient:
    """The ledger before and after a plan now, the stay in the state, and the values of the conditions."""

    context: PlanContext
    active: ActiveCampaign
    person: Person
    customer_id: int
    before: Sequence[Row]
    after: Sequence[Row]
    changed: Sequence[Row]
    stay: Stay | None
    clauses: Mapping[str, Clause]
    names: Mapping[str, str]
    decisions: Sequence[Decided] = ()
    """The client's decisions in this campaign after the plan, in the order in which they came to them."""

    @property
    def campaign(self) -> Campaign:
        """The rule."""
        return self.active.campaign

    @property
    def zone(self) -> str:
        """The client's time zone."""
        return str(self.person.fields.get("timezone") or self.person.zone)

    @property
    def now(self) -> datetime:
        """The instant of the explanation."""
        return self.context.now

    @property
    def baseline_words(self) -> str:
        """When clients of the baseline, who get no email, were already past the trigger."""
        since = self.campaign.backfill.since
        if since is not None:
            return f"already before {since}"
        return f"when the rule came into force on {self.day(self.active.applied_at)}"

    def after_wait(self, moment: datetime, wait: Wait) -> datetime:
        """The end of a wait that starts at `moment`."""
        return self.context.rulebook.company.working_time.after(moment, wait)

    def when(self, moment: datetime) -> str:
        """An instant in the client's time zone."""
        return when(moment, self.zone)

    def day(self, moment: datetime) -> str:
        """The day of an instant in the client's time zone."""
        return day(moment, self.zone)

    def promised(self, occurrence: str) -> bool:
        """Whether the ledger has a promise or a decision of this occurrence."""
        known = {*(row.occurrence for row in self.after), *(row.occurrence for row in self.decisions)}
        return occurrence in known

    def promised_step(self, step: str, occurrence: str) -> bool:
        """Whether the ledger has this step of this occurrence."""
        return any(row.step == step and row.occurrence == occurrence for row in self.after)

    def outside_audience(self) -> CampaignExplanation | None:
        """Why the client is not in the audience; None if they are."""
        audience = self.clauses.get("audience")
        if audience is None or audience.value is True:
            return None
        return CampaignExplanation(f"Not due: {why_not(audience)}.")
