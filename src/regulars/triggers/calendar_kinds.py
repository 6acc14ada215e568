"""Shared by calendar triggers: recurring dates, calendar days, fixed times."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, cast, null
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.rules.model import Rulebook
from regulars.triggers.base import ClientHistory, Story, Trigger
from regulars.triggers.candidate_rows import LOOK_BACK
from regulars.triggers.dates import since_midnight


class CalendarTrigger(Trigger):
    """Its due times are computed in Python, zone by zone; SQL joins the resulting small table."""

    @abstractmethod
    def due_rows(self, context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
        """The rows due by the context's instant, zone by zone."""

    def falls_due(self, context: PlanContext, active: ActiveCampaign) -> bool:
        return bool(self.due_rows(context, active))

    def newly_due(self, context: PlanContext, active: ActiveCampaign, after: datetime) -> list[Select[Any]] | None:
        """Everybody, where one of its times has come: those whose time it is are found by the plan's own query."""
        del active
        come = self.calendar_times(context.rulebook, context.zones, after, context.now)
        return None if any(True for _ in come) else []

    def backfill_words(self) -> str:
        return "" if self.campaign.backfill.mode == "none" else super().backfill_words()

    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        return cast(null(), BigInteger)

    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        return True  # computing the calendar again costs little

    def possible_in(self, story: Story, book: Rulebook) -> bool:
        if self.campaign.backfill.mode != "none":
            return True
        return any(True for _ in self.calendar_times(book, (story.zone,), story.since, story.until))


def since_each_zone(context: PlanContext, active: ActiveCampaign) -> Iterator[tuple[str, datetime]]:
    """Each zone, and the instant after which its dates count; the day of activation counts as a whole."""
    floor = max(active.floor(context.now, context.rulebook.policy), context.now - LOOK_BACK)
    for zone in context.zones:
        yield zone, since_midnight(floor, zone) if floor == active.since else floor
