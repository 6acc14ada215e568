"""`at: TIMES` and `schedule: PHRASE`: fixed local times of the client; the occurrence is the local time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select

from regulars.audience.field_labels import date_words, joined_words
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.types import to_micros
from regulars.rules.model import Rulebook
from regulars.triggers.base import Subject
from regulars.triggers.calendar_kinds import CalendarTrigger
from regulars.triggers.candidate_rows import LOOK_BACK, TIMES, clients, falling_due, shape, wave
from regulars.triggers.dates import due_times
from regulars.triggers.explained import CampaignExplanation, ExplainedClient

_HORIZON = timedelta(days=400)
"""How far ahead the next time is searched."""


class FixedTimeTrigger(CalendarTrigger):
    """A broadcast to everybody in the audience, once or repeatedly."""

    @property
    def subject(self) -> Subject:
        return Subject()

    def occasion(self, rules: Ruleset) -> str:
        if self.campaign.schedule is not None:
            phrase = self.campaign.schedule.words
            left_out = f" ({self.campaign.schedule.left_out})" if self.campaign.schedule.left_out else ""
            return f"{phrase[:1].upper()}{phrase[1:]} by each client's clock{left_out}"
        times = [f"{date_words(each.date())} at {each:%H:%M}" for each in self.campaign.at or ()]
        return f"On {joined_words(times)} by each client's clock"

    # ---------------------------------------------------------------- who is due

    def due_rows(self, context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
        after = max(active.floor(context.now, context.rulebook.policy), context.now - LOOK_BACK)
        found = due_times(self.campaign, context.rulebook, context.zones, after, context.now)
        return [(d.zone, d.occurrence, to_micros(d.due_at)) for d in found]

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        table = falling_due(context, active, TIMES, self.due_rows)
        joined = clients(context).join(table, table.c.zone == context.zone)
        return shape(joined, table.c.occurrence, table.c.due_at, wave=wave(context, active)).where(
            context.holds("campaigns", self.campaign.name, "audience")
        )

    # ---------------------------------------------------------------- when it next can be

    def calendar_times(
        self, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
    ) -> Iterable[datetime]:
        return (row.due_at for row in due_times(self.campaign, book, zones, after, until))

    def calendar_times_of(
        self, book: Rulebook, person: Person | None, zone: str, after: datetime, until: datetime
    ) -> list[datetime]:
        return sorted(set(self.calendar_times(book, (zone,), after, until)))

    # ---------------------------------------------------------------- one client, for people

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        until = client.now + _HORIZON
        due = min(self.calendar_times(client.context.rulebook, (client.zone,), client.now, until), default=None)
        if (outside := client.outside_audience()) is not None:
            return outside
        if due is None:
            return CampaignExplanation("Not due: its dates are past.")
        return CampaignExplanation(f"Not due: next on {client.when(due)}.", due)
