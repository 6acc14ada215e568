"""`each: EXPRESSION`: a client has a value that they never had; the occurrence is the value.

Every value of a client is recorded once and permanently, whichever planner was first and however often the value
returns. Values of clients when the rule comes into force are the baseline: they count as known and trigger nothing.
With `backfill: since DAY` the baseline is what they had when that day began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal

from sqlalchemy import BigInteger, Connection, Insert, Select, exists, func, literal, select, true, type_coerce, update
from sqlalchemy.sql import ColumnElement, and_

from regulars.audience.clause_words import why_not
from regulars.audience.condition_phrases import condition_phrase, with_a_client
from regulars.audience.value_phrases import value_phrase
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.engine import insert
from regulars.db.tables import customers, promises, values_seen
from regulars.db.types import Instant
from regulars.rules.model import Campaign, Rulebook
from regulars.triggers.base import ClientHistory, Movement, Story, Subject, Trigger
from regulars.triggers.candidate_rows import begun, clients, floor, shape, waits_ending, wave
from regulars.triggers.entered_since import include_values_since
from regulars.triggers.explained import CampaignExplanation, ExplainedClient
from regulars.triggers.state_changes import ClientValue
from regulars.triggers.upcoming import Upcoming, UpcomingQuery
from regulars.triggers.waits import with_wait


class ValueTrigger(Trigger):
    """An expression has a new value for a client of the audience."""

    condition: ClassVar[Literal["condition", "value"] | None] = "value"
    watches: ClassVar[bool] = True

    @property
    def subject(self) -> Subject:
        return Subject()

    def occasion(self, rules: Ruleset) -> str:
        watched = rules.conditions["campaigns", self.campaign.name, self.campaign.trigger_key]
        value = with_a_client(value_phrase(watched.node, condition_phrase))
        return f"Each time {value} takes a value that they never had"

    # ---------------------------------------------------------------- who is due

    def update(self, context: PlanContext, active: ActiveCampaign) -> Movement:
        connection = context.connection
        baseline = active.planned_at is None and self.campaign.backfill.mode != "all"
        if active.planned_at is None and not baseline:  # the rule now includes clients already past it
            connection.execute(update(values_seen).where(values_seen.c.campaign == active.key).values(baseline=False))
        noting = context.cached(("noted",), active, lambda at: _value_rows(at, active, baseline))
        added = connection.execute(noting, execution_options={"preserve_rowcount": True}).rowcount
        if baseline and self.campaign.backfill.since is not None:
            include_values_since(context, active)
        return Movement(added, 0, baseline)

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        """Clients with a value that they never had, as recorded up to now by the plan itself."""
        wait = self.campaign.lead
        chosen = [
            values_seen.c.campaign == active.key,
            values_seen.c.baseline.is_(False),
            values_seen.c.at <= begun(context, wait),
            values_seen.c.at >= floor(context, active, wait),
        ]
        source, due_at = with_wait(context, values_seen, values_seen.c.at, wait, chosen)
        joined = clients(context).join(source, values_seen.c.customer_id == customers.c.id)
        return shape(joined, values_seen.c.value, due_at, wave=wave(context, active)).where(*chosen)

    def newly_due(self, context: PlanContext, active: ActiveCampaign, after: datetime) -> list[Select[Any]]:
        if not self.campaign.lead:
            return []
        waited = waits_ending(context, values_seen.c.at, self.campaign.lead, after)
        return [select(values_seen.c.customer_id).where(values_seen.c.campaign == active.key, *waited)]

    # ---------------------------------------------------------------- when it began, and whether it still holds

    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        noted = select(type_coerce(values_seen.c.at, BigInteger)).where(
            values_seen.c.campaign == row.c.campaign,
            values_seen.c.customer_id == row.c.customer_id,
            values_seen.c.value == row.c.occurrence,
        )
        return noted.correlate(row).scalar_subquery()

    def still_holds(
        self, context: PlanContext, active: ActiveCampaign, given: Mapping[str, Any]
    ) -> ColumnElement[bool]:
        holds = super().still_holds(context, active, given)
        return and_(func.coalesce(context.value(self.campaign) == promises.c.occurrence, False), holds)

    # ---------------------------------------------------------------- what cannot concern anybody, when it next can be

    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        return active.key in history.watched_by

    def possible_in(self, story: Story, book: Rulebook) -> bool:
        return True

    def upcoming(self, active: ActiveCampaign, upcoming: Upcoming) -> list[UpcomingQuery]:
        noted = (values_seen.c.campaign == active.key, ~values_seen.c.baseline)
        return [upcoming.after_wait(values_seen.c.at, self.campaign.lead, *noted)] if self.campaign.lead else []

    def watched(self, rules: Ruleset) -> ClientValue:
        return ClientValue.of(rules, self.campaign)

    # ---------------------------------------------------------------- one client, for people

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        expression = self.campaign.each
        value = _value_of(client.context, self.campaign, client.customer_id)
        if value is None:
            return CampaignExplanation(f"Not due: `{expression}` has no value.")
        noted = _noted(client.context.connection, client.active.key, client.customer_id, value)
        if noted is None:
            audience = client.clauses.get("audience")
            return CampaignExplanation(f"Not due: {why_not(audience)}." if audience is not None else "Not due.")
        at, baseline = noted
        if baseline:
            return CampaignExplanation(f"Not due: `{expression}` was {value} {client.baseline_words}.")
        due = client.after_wait(at, self.campaign.lead)
        value_words = f"`{expression}` is {value} since {client.when(at)}"
        if due > client.now:
            return CampaignExplanation(f"Not due yet: {value_words}; due on {client.when(due)}.", due)
        return CampaignExplanation(f"Nothing more to come: {value_words}.")


def _value_rows(context: PlanContext, active: ActiveCampaign, baseline: bool) -> Insert:
    name = active.campaign.name
    now = select(customers.c.id, context.value(active.campaign).label("value")).select_from(clients(context))
    # The value of a client outside the audience triggers when they enter it.
    audience = true() if baseline else context.holds("campaigns", name, "audience")
    has = now.where(customers.c.erased_at.is_(None), audience).subquery("has")
    known = exists().where(
        values_seen.c.campaign == active.key,
        values_seen.c.customer_id == has.c.id,
        values_seen.c.value == has.c.value,
    )
    at = context.deferred(Instant(), lambda at: at.now)
    rows = select(literal(active.key), has.c.id, has.c.value, at, literal(baseline)).where(
        has.c.value.is_not(None), ~known
    )
    statement = insert(context.connection, values_seen).from_select([c.name for c in values_seen.c], rows)
    return statement.on_conflict_do_nothing()


def _noted(connection: Connection, campaign: str, customer_id: int, value: str) -> tuple[datetime, bool] | None:
    """When this value of the client was recorded, and whether it is of the baseline."""
    query = select(values_seen.c.at, values_seen.c.baseline).where(
        values_seen.c.campaign == campaign, values_seen.c.customer_id == customer_id, values_seen.c.value == value
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.at, row.baseline)


def _value_of(context: PlanContext, campaign: Campaign, customer_id: int) -> str | None:
    """The value of one client."""
    query = select(context.value(campaign)).select_from(clients(context)).where(customers.c.id == customer_id)
    return context.connection.scalar(query)
