"""Instants at which a client's state or value changes with time alone.

Searched in Python, day by day and then to the minute, with the same conditions as in SQL. A state that
begins and ends within one day is found only where the search is hourly (`closer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from regulars.audience.expression import Expression
from regulars.audience.person import Person
from regulars.context.plan_context import Ruleset
from regulars.rules.model import Campaign

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class ClientState:
    """The condition and the audience of a campaign together, for one client."""

    parts: tuple[Expression, ...]

    @classmethod
    def of(cls, rules: Ruleset, campaign: Campaign) -> ClientState:
        """The state of the campaign."""
        found = (rules.conditions.get(("campaigns", campaign.name, key)) for key in (campaign.trigger_key, "audience"))
        return cls(tuple(part for part in found if part is not None))

    def holds(self, person: Person, now: datetime) -> bool:
        """Whether the client is in the state at `now`, without further events."""
        return all(part.evaluate(person, now) for part in self.parts)

    @cached_property
    def edges(self) -> tuple[tuple[str, Expression], ...]:
        """The segments of which it asks who left them, each with its condition."""
        found = {edge.name: edge for part in self.parts for edge in part.edges}
        return tuple((name, Expression(edge.text, edge.body)) for name, edge in found.items())

    def segments(self, person: Person, now: datetime) -> frozenset[str]:
        """Which of these the client is in at `now`, without further events."""
        return frozenset(name for name, condition in self.edges if condition.evaluate(person, now))


@dataclass(frozen=True, slots=True)
class ClientValue:
    """The value that a campaign watches, for one client of its audience."""

    value: Expression
    audience: Expression | None

    @classmethod
    def of(cls, rules: Ruleset, campaign: Campaign) -> ClientValue:
        """The value that the campaign watches."""
        watched = rules.conditions["campaigns", campaign.name, campaign.trigger_key]
        return cls(watched, rules.conditions.get(("campaigns", campaign.name, "audience")))

    def holds(self, person: Person, now: datetime) -> object:
        """The client's value at `now`, without further events; None outside the audience."""
        if self.audience is not None and not self.audience.evaluate(person, now):
            return None
        return self.value.value(person, now)

    def segments(self, person: Person, now: datetime) -> frozenset[str]:
        """None: only a state can ask who left a segment."""
        del person, now
        return frozenset()


Watched = ClientState | ClientValue
"""A state or value of a client that changes with time alone."""


def state_changes(
    state: Watched, person: Person, after: datetime, until: datetime, *, closer: datetime | None = None,
    segments: bool = False,
) -> Iterator[datetime]:  # fmt: skip
    """The minutes in (after, until] at which the state or value changes; hour by hour after `closer`.

    A plan finds the client in a segment before it can find that they left it. `segments` yields also the instants at
    which one is entered or left of which the state asks who left it, so that plans then find it.
    """
    moment, inside = after, state.segments(person, after)
    person = replace(person, was_in=person.was_in | inside) if inside else person
    now = state.holds(person, after)
    while moment < until:
        step = HOUR if closer is not None and moment >= closer else DAY
        following = min(moment + step, until)
        if closer is not None and moment < closer:
            following = min(following, closer)
        then, there = state.holds(person, following), state.segments(person, following)
        if then != now:
            yield _minute(state.holds, person, moment, following, now=now)
        elif segments and there != inside:
            yield _minute(state.segments, person, moment, following, now=inside)
        person = replace(person, was_in=person.was_in | there) if there - person.was_in else person
        moment, now, inside = following, then, there


def _minute(
    value: Callable[[Person, datetime], object], person: Person, low: datetime, high: datetime, *, now: object
) -> datetime:
    while high - low > MINUTE:
        middle = low + (high - low) // MINUTE // 2 * MINUTE
        if value(person, middle) == now:
            low = middle
        else:
            high = middle
    return high
