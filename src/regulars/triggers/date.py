"""`every: year since FIELD`: a recurring date of the client; the occurrence is the year, or the month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Integer, Select, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.audience.field_labels import client_label
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.core.calendar import SENTINELS, LeapDay, local_date
from regulars.db.json_fields import readable
from regulars.db.sql_functions import regulars_date, regulars_day
from regulars.db.tables import customers
from regulars.db.types import Instant, to_micros
from regulars.rules.fields import DERIVED, FieldType
from regulars.rules.grammar import Every
from regulars.rules.model import Rulebook
from regulars.triggers.base import CopyScope, Story, Subject
from regulars.triggers.calendar_kinds import CalendarTrigger, since_each_zone
from regulars.triggers.candidate_rows import TIMES, clients, falling_due, shape, wave
from regulars.triggers.dates import DueDay, due_days
from regulars.triggers.explained import CampaignExplanation, ExplainedClient


class DateTrigger(CalendarTrigger):
    """The anniversary of a date or instant of the client, in the client's time zone."""

    copies: ClassVar[CopyScope] = CopyScope.OCCURRENCE_AND_DAY

    @property
    def every(self) -> Every:
        """The phrase of the rule file."""
        assert self.campaign.every is not None
        return self.campaign.every

    @property
    def subject(self) -> Subject:
        return Subject()

    def occasion(self, rules: Ruleset) -> str:
        every, policy = self.every, rules.rulebook.policy
        count, unit = (every.months // 12, "year") if every.months % 12 == 0 else (every.months, "month")
        often = f"Every {unit}" if count == 1 else f"Every {count} {unit}s"
        leap = "28 February" if policy.leap_day is LeapDay.FEB_28 else "1 March"
        note = f" (29 February is kept on {leap} in other years)" if every.field == "birthday" else ""
        at = f"{policy.send_at:%H:%M}"
        label = client_label(every.field)
        return f"{often}, {shift_words(every)} the day of a client's {label} at {at} by their clock{note}"

    # ---------------------------------------------------------------- who is due

    def due_rows(self, context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
        found: list[DueDay] = []
        for zone, after in since_each_zone(context, active):
            found += due_days(self.campaign, context.rulebook, (zone,), after, context.now)
        return [(d.zone, d.occurrence, to_micros(d.due_at), d.ordinal, d.month, d.day) for d in found]

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        every = self.every
        types = {**TIMES, "ordinal": Integer(), "month": Integer(), "day": Integer()}
        table = falling_due(context, active, types, self.due_rows)
        # The day of an instant is expensive to compute, so it is done once per client.
        worked_out = select(customers.c.id, _day_number(context, every.field).label("number"))
        dated = worked_out.select_from(clients(context)).cte("dated", nesting=True).prefix_with("MATERIALIZED")
        number = dated.c.number
        joined = clients(context).join(dated, dated.c.id == customers.c.id).join(table, table.c.zone == context.zone)
        month = number // 100 % 100
        elapsed = table.c.ordinal - (number // 10_000 * 12 + month - 1)
        fits = [
            number % 100 == table.c.day,
            elapsed > 0,
            elapsed % every.months == 0,
            number.not_in(sorted(d.year * 10_000 + d.month * 100 + d.day for d in SENTINELS)),
        ]
        if every.months % 12 == 0:
            fits.append(month == table.c.month)
        return shape(joined, table.c.occurrence, table.c.due_at, wave=wave(context, active)).where(
            *fits, context.holds("campaigns", self.campaign.name, "audience")
        )

    # ---------------------------------------------------------------- what cannot concern anybody, when it next can be

    def possible_in(self, story: Story, book: Rulebook) -> bool:
        field = self.every.field
        if field in DERIVED:
            return story.purchased
        return story.fields.get(field) is not None or field == "created_at"

    def calendar_times(
        self, book: Rulebook, zones: Sequence[str], after: datetime, until: datetime
    ) -> Iterable[datetime]:
        return (row.due_at for row in due_days(self.campaign, book, zones, after, until))

    def calendar_times_of(
        self, book: Rulebook, person: Person | None, zone: str, after: datetime, until: datetime
    ) -> list[datetime]:
        return [] if person is None else list(self._times_of(book, person, after, until))

    def _times_of(self, book: Rulebook, person: Person, after: datetime, until: datetime) -> Iterator[datetime]:
        every, kept = self.every, date_of(person, self.every.field)
        if kept is None:
            return
        zone = person.fields.get("timezone") or person.zone
        for row in due_days(self.campaign, book, (zone,), after, until):
            elapsed = row.ordinal - (kept.year * 12 + kept.month - 1)
            fits = row.day == kept.day and elapsed > 0 and elapsed % every.months == 0
            if fits and (every.months % 12 or row.month == kept.month):
                yield row.due_at

    # ---------------------------------------------------------------- one client, for people

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        field = self.every.field
        if date_of(client.person, field) is None:
            return CampaignExplanation(f"Not due: `customer.{field}` is not known.")
        until = client.now + timedelta(days=31 * self.every.months + 60)
        due = next(self._times_of(client.context.rulebook, client.person, client.now, until), None)
        if (outside := client.outside_audience()) is not None:
            return outside
        if due is None:
            return CampaignExplanation("Not due: its date is yet far off.")
        return CampaignExplanation(f"Not due: next on {client.when(due)}.", due)


def shift_words(every: Every) -> str:
    """`on`, or how many days before or after."""
    days = abs(every.offset)
    return f"{days} day{'' if days == 1 else 's'} {'before' if every.offset < 0 else 'after'}" if days else "on"


def date_of(person: Person, name: str) -> date | None:
    """The client's date of that name; an instant as its local day; None if unknown or a placeholder."""
    value = person.fields.get(name)
    if isinstance(value, datetime):
        value = local_date(value, person.fields.get("timezone") or person.zone)
    elif not isinstance(value, date):
        value = readable(FieldType.DATE, value)
    return value if isinstance(value, date) and value not in SENTINELS else None


def _day_number(context: PlanContext, field: str) -> ColumnElement[int]:
    """A customer's date as 20260131; an instant as its local day."""
    if field in context.rulebook.fields:
        return regulars_date(customers.c.attrs[field].as_string())
    found = (customers if field in customers.c else context.facts).c[field]
    if isinstance(found.type, Instant):
        return regulars_day(type_coerce(found, BigInteger), context.zone)
    return regulars_date(found)
