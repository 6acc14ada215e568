"""When a client's state turns, and when their dates come round, by the mere passing of time.

Looked for in Python, day by day and then to the minute, with the same conditions that SQL asks. A state that
begins and ends again within one day is only found where the search is told to look closer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from regulars.audience.expression import Expression
from regulars.audience.person import Person
from regulars.context.plan_context import Ruleset
from regulars.core.calendar import SENTINELS, local_date
from regulars.db.json_fields import readable
from regulars.rules.model import Campaign, FieldType, Rulebook
from regulars.triggers.dates import due_calendar_days, due_days

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StateOf:
    """`when` and `audience` of a campaign together, for one client."""

    parts: tuple[Expression, ...]

    @classmethod
    def of(cls, rules: Ruleset, campaign: Campaign) -> StateOf:
        """The state that the campaign waits for."""
        found = (rules.conditions.get(("campaigns", campaign.name, key)) for key in ("when", "audience"))
        return cls(tuple(part for part in found if part is not None))

    def holds(self, person: Person, now: datetime) -> bool:
        """Whether the client is in the state at `now`, if nothing happens up to then."""
        return all(part.evaluate(person, now) for part in self.parts)


@dataclass(frozen=True, slots=True)
class ValueOf:
    """What an `each` campaign watches, for one client of its audience."""

    value: Expression
    audience: Expression | None

    @classmethod
    def of(cls, rules: Ruleset, campaign: Campaign) -> ValueOf:
        """The value that the campaign watches."""
        watched = rules.conditions["campaigns", campaign.name, "each"]
        return cls(watched, rules.conditions.get(("campaigns", campaign.name, "audience")))

    def holds(self, person: Person, now: datetime) -> object:
        """The client's value at `now`, if nothing happens up to then; None outside the audience."""
        if self.audience is not None and not self.audience.evaluate(person, now):
            return None
        return self.value.value(person, now)


def state_changes(
    state: StateOf | ValueOf, person: Person, after: datetime, until: datetime, *, closer: datetime | None = None
) -> Iterator[datetime]:
    """The minutes in (after, until] at which the state or value changes; hour by hour from `closer` on."""
    moment, now = after, state.holds(person, after)
    while moment < until:
        step = HOUR if closer is not None and moment >= closer else DAY
        following = min(moment + step, until)
        if closer is not None and moment < closer:
            following = min(following, closer)
        then = state.holds(person, following)
        if then != now:
            yield _minute(state, person, moment, following, now=now)
        moment, now = following, then


def _minute(state: StateOf | ValueOf, person: Person, low: datetime, high: datetime, *, now: object) -> datetime:
    while high - low > MINUTE:
        middle = low + (high - low) // MINUTE // 2 * MINUTE
        if state.holds(person, middle) == now:
            low = middle
        else:
            high = middle
    return high


def kept_date(person: Person, name: str) -> date | None:
    """The client's date of that name: an instant by the client's calendar; None if it is not known, or means that."""
    value = person.fields.get(name)
    if isinstance(value, datetime):
        value = local_date(value, person.fields.get("timezone") or person.zone)
    elif not isinstance(value, date):
        value = readable(FieldType.DATE, value)
    return value if isinstance(value, date) and value not in SENTINELS else None


def kept_dates(
    campaign: Campaign, book: Rulebook, person: Person, after: datetime, until: datetime
) -> Iterator[datetime]:
    """When the client's date is kept in (after, until], and the campaign's wait after it is over: the time of each."""
    every = campaign.every
    assert every is not None
    zone = person.fields.get("timezone") or person.zone
    feast = book.calendars.get(every.calendar or "")
    if feast is not None:
        country = feast.country(person.fields.get("country"))
        found = due_calendar_days(campaign, book, (zone,), after, until)
        yield from sorted(each.due_at for each in found if each.country == country)
        return
    kept = kept_date(person, every.field)
    if kept is None:
        return
    for row in due_days(campaign, book, (zone,), after, until):
        elapsed = row.ordinal - (kept.year * 12 + kept.month - 1)
        fits = row.day == kept.day and elapsed > 0 and elapsed % every.months == 0
        if fits and (every.months % 12 or row.month == kept.month):
            yield row.due_at
