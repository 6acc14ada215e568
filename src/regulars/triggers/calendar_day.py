"""`every: year on DAY`: a day of a calendar, for the client's country; the occurrence is the year."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Text, case, func, literal
from sqlalchemy.sql import and_

from regulars.audience.field_labels import quoted
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.tables import customers
from regulars.db.types import to_micros
from regulars.rules.calendar_days import DEFAULT, CalendarDay
from regulars.rules.grammar import Every
from regulars.rules.model import Rulebook
from regulars.triggers.base import Subject
from regulars.triggers.calendar_kinds import CalendarTrigger, since_each_zone
from regulars.triggers.candidate_rows import TIMES, clients, falling_due, shape, wave
from regulars.triggers.date import shift_words
from regulars.triggers.dates import DueCalendarDay, due_calendar_days
from regulars.triggers.explained import CampaignExplanation, ExplainedClient


class CalendarDayTrigger(CalendarTrigger):
    """A day that the workspace's calendars name, such as a holiday."""

    @property
    def every(self) -> Every:
        """The phrase of the rule file."""
        assert self.campaign.every is not None
        return self.campaign.every

    @property
    def subject(self) -> Subject:
        return Subject(calendar_day=True)

    def occasion(self, rules: Ruleset) -> str:
        book, every = rules.rulebook, self.every
        name, at = quoted(every.calendar or ""), f"{book.policy.send_at:%H:%M}"
        return f"Every year, {shift_words(every)} {name} ({self._day(book)}) at {at} by their clock"

    def _day(self, book: Rulebook) -> CalendarDay | None:
        return book.calendars.get(self.every.calendar or "")

    # ---------------------------------------------------------------- who is due

    def due_rows(self, context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
        found: list[DueCalendarDay] = []
        for zone, after in since_each_zone(context, active):
            found += due_calendar_days(self.campaign, context.rulebook, (zone,), after, context.now)
        return [(d.zone, d.occurrence, to_micros(d.due_at), d.country) for d in found]

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        """Clients whose country has the day, in their own time zone."""
        table = falling_due(context, active, {**TIMES, "country": Text()}, self.due_rows)
        own = func.upper(func.trim(customers.c.country))
        countries = context.rulebook.calendars[self.every.calendar or ""].countries
        kept = case((own.in_(countries), own), else_=literal(DEFAULT, Text))
        joined = clients(context).join(table, and_(table.c.zone == context.zone, table.c.country == kept))
        return shape(joined, table.c.occurrence, table.c.due_at, wave=wave(context, active)).where(
            context.holds("campaigns", self.campaign.name, "audience")
        )

    # ---------------------------------------------------------------- when it next can be

    def calendar_times(
        self, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
    ) -> Iterable[datetime]:
        return (row.due_at for row in due_calendar_days(self.campaign, book, zones, after, until))

    def calendar_times_of(
        self, book: Rulebook, person: Person | None, zone: str, after: datetime, until: datetime
    ) -> list[datetime]:
        return [] if person is None else self._times_of(book, person, after, until)

    def _times_of(self, book: Rulebook, person: Person, after: datetime, until: datetime) -> list[datetime]:
        day = self._day(book)
        if day is None:
            return []
        zone = person.fields.get("timezone") or person.zone
        country = day.country(person.fields.get("country"))
        found = due_calendar_days(self.campaign, book, (zone,), after, until)
        return sorted(each.due_at for each in found if each.country == country)

    # ---------------------------------------------------------------- one client, for people

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        until = client.now + timedelta(days=31 * self.every.months + 60)
        due = next(iter(self._times_of(client.context.rulebook, client.person, client.now, until)), None)
        if (outside := client.outside_audience()) is not None:
            return outside
        if due is None:
            return CampaignExplanation("Not due: their country keeps no such day.")
        return CampaignExplanation(f"Not due: next on {client.when(due)}.", due)
