"""`when: CONDITION`: a client enters a state; each stay in it is one occurrence, named for when it began.

Members of the state are updated by difference: who entered, who left. Clients who were in it when the rule came into
force are the baseline: they count as members but get no email until they have left and entered again. With
`backfill: since DAY` those who entered on that day or later are no baseline; the stay counts from then. Where the
condition asks who left a segment, who is in it is kept in the same way, before the state itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from sqlalchemy import BigInteger, Select, func, select, type_coerce, update
from sqlalchemy.sql import ColumnElement

from regulars.audience.clause_words import why_not
from regulars.audience.condition_phrases import condition_phrase, with_a_client
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.core.working import Wait
from regulars.db.states import State
from regulars.db.tables import customers, members, promises
from regulars.db.types import MICROSECOND, to_micros
from regulars.rules.model import Rulebook
from regulars.triggers.base import ClientHistory, CopyScope, Movement, Story, Subject, Trigger
from regulars.triggers.candidate_rows import begun, clients, later, micros, shape, waits_ending, wave
from regulars.triggers.entered_since import include_members_since
from regulars.triggers.explained import CampaignExplanation, ExplainedClient
from regulars.triggers.state_changes import ClientState, state_changes
from regulars.triggers.stays import entering, leaving, update_segments
from regulars.triggers.upcoming import Upcoming, UpcomingQuery
from regulars.triggers.waits import with_wait

_HORIZON = timedelta(days=400)
"""How far ahead the beginning of a state is searched."""
_BY_PURCHASE = {"purchases", "spent", "last_purchase_at", "rhythm", "overdue", "next_product", "next_product_at"}
"""Fields of a client that change with a purchase."""


class StateTrigger(Trigger):
    """A condition, together with the audience, becomes true for a client."""

    condition: ClassVar[Literal["condition", "value"] | None] = "condition"
    copies: ClassVar[CopyScope] = CopyScope.CAMPAIGN
    defers_reentry: ClassVar[bool] = True
    watches: ClassVar[bool] = True
    due_from_beginning: ClassVar[bool] = False

    @property
    def subject(self) -> Subject:
        return Subject()

    def occasion(self, rules: Ruleset) -> str:
        state = rules.conditions["campaigns", self.campaign.name, self.campaign.trigger_key]
        return f"As soon as {with_a_client(condition_phrase(state.node))}"

    # ---------------------------------------------------------------- who is due

    def update(self, context: PlanContext, active: ActiveCampaign) -> Movement:
        connection = context.connection
        update_segments(context, active, context.rules.conditions["campaigns", self.campaign.name, "when"])

        def matching(at: PlanContext) -> Select[tuple[int]]:
            return _matching(at, active)

        ending = context.cached(("left",), active, lambda at: leaving(at, active.key, matching))
        left = connection.execute(ending).rowcount
        baseline = active.planned_at is None and self.campaign.backfill.mode != "all"
        if active.planned_at is None and not baseline:  # the rule now includes clients already past it
            connection.execute(update(members).where(members.c.campaign == active.key).values(baseline=False))
        beginning = context.cached(("entered",), active, lambda at: entering(at, active.key, matching, baseline))
        entered = connection.execute(beginning, execution_options={"preserve_rowcount": True}).rowcount
        if baseline and self.campaign.backfill.since is not None:
            include_members_since(context, active)
        return Movement(entered, left, baseline)

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        """Members in the state, the baseline apart; a pause between two occurrences defers, it does not skip."""
        campaign = self.campaign
        had = (
            select(promises.c.customer_id, func.max(micros(promises.c.due_at)).label("due_at"))
            .where(
                promises.c.campaign == active.key,
                promises.c.state.not_in([State.SKIPPED, State.FAILED]),
                context.is_selected(promises.c.customer_id),
            )
            .group_by(promises.c.customer_id)
            .subquery("had")
        )
        chosen = [
            members.c.campaign == active.key, members.c.left_at.is_(None), members.c.baseline.is_(False),
            members.c.entered_at <= begun(context, campaign.lead),
        ]  # fmt: skip
        inside, due_at = with_wait(context, members, members.c.entered_at, campaign.lead, chosen)
        if campaign.backfill.mode != "none":
            applied = context.deferred_for(active, BigInteger(), lambda _, of: to_micros(of.applied_at))
            due_at = later(due_at, applied)
        pause = campaign.reentry.after
        if pause is not None:
            due_at = later(due_at, func.coalesce(had.c.due_at + pause // MICROSECOND, due_at))
        joined = clients(context).join(inside, members.c.customer_id == customers.c.id)
        joined = joined.outerjoin(had, had.c.customer_id == customers.c.id)
        query = shape(joined, members.c.occurrence, due_at, wave=wave(context, active)).where(*chosen)
        return query.where(had.c.customer_id.is_(None)) if pause is None else query

    def newly_due(self, context: PlanContext, active: ActiveCampaign, after: datetime) -> list[Select[Any]]:
        """Those whose stay has lasted for the wait, and those who had this email a pause ago."""
        lead, pause = self.campaign.lead, self.campaign.reentry.after
        inside = (members.c.campaign == active.key, members.c.left_at.is_(None), members.c.baseline.is_(False))
        found: list[Select[Any]] = []
        if lead:
            waited = waits_ending(context, members.c.entered_at, lead, after)
            found.append(select(members.c.customer_id).where(*inside, *waited))
        if pause:
            paused = waits_ending(context, promises.c.due_at, Wait(pause), after)
            had = select(promises.c.customer_id).where(promises.c.campaign == active.key, *paused)
            found.append(had.where(promises.c.customer_id.in_(select(members.c.customer_id).where(*inside))))
        return found

    # ---------------------------------------------------------------- when it began, and whether it still holds

    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        stay = members.alias("stay")
        entered = select(type_coerce(stay.c.entered_at, BigInteger)).where(
            stay.c.campaign == row.c.campaign,
            stay.c.customer_id == row.c.customer_id,
            stay.c.occurrence == row.c.occurrence,
        )
        return entered.correlate(row).scalar_subquery()

    def still_holds(
        self, context: PlanContext, active: ActiveCampaign, given: Mapping[str, Any]
    ) -> ColumnElement[bool]:
        return context.state(self.campaign)

    # ---------------------------------------------------------------- what cannot concern anybody, when it next can be

    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        return active.key in history.watched_by

    def possible_in(self, story: Story, book: Rulebook) -> bool:
        return True

    def upcoming(self, active: ActiveCampaign, upcoming: Upcoming) -> list[UpcomingQuery]:
        wait, pause = self.campaign.lead, self.campaign.reentry.after
        found = []
        if pause:
            found.append(upcoming.after_wait(promises.c.due_at, Wait(pause), promises.c.campaign == active.key))
        if wait:
            inside = (members.c.campaign == active.key, members.c.left_at.is_(None), ~members.c.baseline)
            found.append(upcoming.after_wait(members.c.entered_at, wait, *inside))
        return found

    def watched(self, rules: Ruleset) -> ClientState:
        return ClientState.of(rules, self.campaign)

    # ---------------------------------------------------------------- one client, for people

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        pause = self.campaign.reentry.after
        had = [row for row in client.after if row.state not in (State.SKIPPED, State.FAILED)]
        if pause is None and had:
            return CampaignExplanation("It comes once only.")
        free_at = had[-1].due_at + pause if had and pause else None
        if any(clause.value is not True for clause in client.clauses.values()):
            return self._explain_outside(client, free_at)
        stay = client.stay
        if stay is None or stay.left_at is not None:
            return CampaignExplanation("Not due.")
        since = f"has been in the state since {client.when(stay.entered_at)}"
        if stay.baseline:
            return CampaignExplanation(
                f"Not due: was past it {client.baseline_words}, and is left alone until it ends and begins again."
            )
        entered = (*(row.due_at for row in client.after), *(row.began_at for row in client.decisions))
        if any(moment >= stay.entered_at for moment in entered):
            return CampaignExplanation(f"Nothing more to come: {since}.")
        due = client.after_wait(stay.entered_at, self.campaign.lead)
        due = max(due, free_at) if free_at else due
        return CampaignExplanation(f"Not due yet: {since}; due on {client.when(due)}.", due)

    def _explain_outside(self, client: ExplainedClient, free_at: datetime | None) -> CampaignExplanation:
        """The client is not in the state: which part is false, and when it becomes true by time alone."""
        false = next(clause for clause in client.clauses.values() if clause.value is not True)
        state = self.watched(client.context.rules)
        turn = next(state_changes(state, client.person, client.now, client.now + _HORIZON), None)
        if turn is None:
            return CampaignExplanation(f"Not due: {why_not(false)}.")
        due = client.after_wait(turn, self.campaign.lead)
        due = max(due, free_at) if free_at else due
        buying = any(part.fields & _BY_PURCHASE or "purchase" in part.events for part in state.parts)
        unless = "if they do not buy" if buying else "if nothing else happens"
        return CampaignExplanation(f"Not due: {why_not(false)}; becomes due on {client.day(due)} {unless}.", due)


def _matching(context: PlanContext, active: ActiveCampaign) -> Select[tuple[int]]:
    return (
        select(customers.c.id)
        .select_from(clients(context))
        .where(context.state(active.campaign), customers.c.erased_at.is_(None))
    )
