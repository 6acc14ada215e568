"""When the conditions of a campaign can turn by time alone: states, values, and the audience of what is due already.

A span of whole days ends at the time of day at which it began, and a date at midnight. What flows with time, such as
`customer.overdue`, can turn at any hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import IntEnum

from regulars.audience import nodes
from regulars.audience.nodes import Node
from regulars.context.plan_context import Ruleset
from regulars.rules.fields import FieldType
from regulars.rules.model import Campaign

_FLOWING = frozenset({"overdue", "p_alive", "others_returned"})
"""Fields that change with every instant."""
_DAY = timedelta(days=1)


class TimeDependence(IntEnum):
    """How often a condition can turn without anything that happens."""

    NEVER = 0
    WITH_DAYS = 1
    AT_ANY_HOUR = 2


def time_dependence(rules: Ruleset, campaign: Campaign) -> TimeDependence:
    """Of what decides whether the first email is due; the conditions of steps are asked when these are."""
    here = ("campaigns", campaign.name)
    found = (condition for loc, condition in rules.conditions.items() if loc[:2] == here and "steps" not in loc)
    return max((_dependence(node) for one in found for node in _walk(one.node)), default=TimeDependence.NEVER)


def _dependence(node: Node) -> TimeDependence:
    match node:
        case nodes.Now() | nodes.Upcoming():
            return TimeDependence.AT_ANY_HOUR
        case nodes.CustomerField(name=name, custom=custom, type=kind):
            flows = name in _FLOWING or (custom and kind is FieldType.INSTANT)
            return TimeDependence.AT_ANY_HOUR if flows else TimeDependence.NEVER
        case nodes.Bought(within=span) | nodes.History(within=span) | nodes.Lines(within=span) if span is not None:
            return TimeDependence.AT_ANY_HOUR if span % _DAY else TimeDependence.WITH_DAYS
        case nodes.Today() | nodes.DaysSince():
            return TimeDependence.WITH_DAYS
    return TimeDependence.NEVER


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts():
        yield from _walk(part)
