"""The third form of a condition, beside SQL and Python: whose value may turn by time alone in (after, until].

Each node gives the *spans* at whose end it can turn: an instant of the client (of a purchase, an event, a field) plus
a shift. A client with no such instant in the stretch between two plans, and to whom nothing happened, has the value
that they had. A superset is always right. What turns with the date turns at local midnight; what has no such form is
asked once per local day, and named by `flows`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from regulars.audience import nodes
from regulars.audience.computed_fields import COMPUTED, ByTime
from regulars.audience.day_spans import FARTHEST
from regulars.audience.nodes import PURCHASE, Comparison, Node
from regulars.db.types import DAY, MICROSECOND, to_micros
from regulars.profile.visits import BOOKED
from regulars.rules.fields import CLIENT_FIELDS, FieldType, Origin


@dataclass(frozen=True, slots=True)
class EventAge:
    """Something that happened, so many microseconds after it did; `purchase` is an event like any other."""

    event: str
    shift: int


@dataclass(frozen=True, slots=True)
class FieldAge:
    """A stored instant of the client, of `customers` or `facts`, plus so many microseconds."""

    name: str
    shift: int


@dataclass(frozen=True, slots=True)
class Rhythms:
    """The last purchase plus so many of the client's own rhythms."""

    count: float


@dataclass(frozen=True, slots=True)
class Returns:
    """Each age of a purchase in `return_times`."""


@dataclass(frozen=True, slots=True)
class Begins:
    """An instant in an event's data, such as the beginning of a visit, plus so many microseconds."""

    event: str
    field: str
    shift: int


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant that the author wrote, in microseconds: everybody turns."""

    at: int


Span = EventAge | FieldAge | Rhythms | Returns | Begins | Moment


@dataclass(frozen=True, slots=True)
class Turns:
    """How a value can turn while nothing happens."""

    spans: frozenset[Span] = frozenset()
    midnight: bool = False
    """Also at local midnight."""
    flows: tuple[Node, ...] = ()
    """The parts whose turns have no bound: everybody is asked once per local day."""

    @property
    def daily(self) -> bool:
        """Whether everybody is asked once per local day."""
        return self.midnight or bool(self.flows)

    def __or__(self, other: Turns) -> Turns:
        return Turns(self.spans | other.spans, self.midnight or other.midnight, self.flows + other.flows)


_NEVER, _MIDNIGHT = Turns(), Turns(midnight=True)


def turns(node: Node) -> Turns:
    """When the node's value can turn by time alone."""
    found: nodes.AnyNode = node  # type: ignore[assignment]
    match found:
        case nodes.Compare():
            return _compare(found)
        case nodes.Bought() | nodes.Lines() | nodes.History() | nodes.Upcoming():
            return Turns(_of_history(found))
        case nodes.InSegment() | nodes.LeftSegment():
            inside = turns(found.body)  # whose places are in the segment's own text
            return replace(inside, flows=(found,) if inside.flows else ())
        case nodes.Literal() | nodes.CustomerField() | nodes.EventField() | nodes.ProductField():
            return _field(found) if isinstance(found, nodes.CustomerField) else _NEVER
        case nodes.Now() | nodes.Today() | nodes.LocalDay() | nodes.DaysSince():
            return _clock(found)
        case (
            nodes.Not() | nodes.AllOf() | nodes.AnyOf() | nodes.Member() | nodes.Holds() | nodes.IsNone()
            | nodes.Arithmetic() | nodes.Negate() | nodes.Choose() | nodes.TextTest()
        ):  # fmt: skip
            return _together(turns(part) for part in found.parts())
        case _:
            assert_never(found)


def _together(found: Iterable[Turns]) -> Turns:
    whole = _NEVER
    for one in found:
        whole |= one
    return whole


def _field(node: nodes.CustomerField) -> Turns:
    if node.custom or CLIENT_FIELDS[node.name].origin is not Origin.COMPUTED:
        return _NEVER
    by_time = COMPUTED[node.name].by_time
    match by_time:
        case ByTime.NEVER:
            return _NEVER
        case ByTime.RETURNS:
            return Turns(frozenset([Returns()]))
        case ByTime.OVERDUE | ByTime.FLOWS:
            return Turns(flows=(node,))
        case _:
            assert_never(by_time)


def _of_history(node: nodes.Bought | nodes.Lines | nodes.History | nodes.Upcoming) -> frozenset[Span]:
    """What happened leaves the span; that it happened at all is written by whoever records it."""
    if isinstance(node, nodes.Upcoming):
        return _begins(node, 0)
    event = node.event if isinstance(node, nodes.History) else PURCHASE
    return frozenset() if node.within is None else frozenset([EventAge(event, node.within // MICROSECOND)])


def _begins(node: nodes.Upcoming, shift: int) -> frozenset[Span]:
    return frozenset([Begins(BOOKED if node.event == nodes.VISIT else node.event, node.field, shift)])


def _clock(node: nodes.Now | nodes.Today | nodes.LocalDay | nodes.DaysSince) -> Turns:
    match node:
        case nodes.Now():
            return Turns(flows=(node,))
        case nodes.Today() | nodes.LocalDay(operand=nodes.Now()):
            return _MIDNIGHT
        case nodes.LocalDay():
            return turns(node.operand)
        case nodes.DaysSince() if node.operand.type is FieldType.DATE:
            return _MIDNIGHT | turns(node.operand)
        case nodes.DaysSince():
            return Turns(flows=(node,)) | turns(node.operand)
        case _:
            assert_never(node)


def _compare(node: nodes.Compare) -> Turns:
    op, left, right = node.op, node.left, node.right
    if isinstance(right, nodes.DaysSince | nodes.Now) or _is_overdue(right):
        op, left, right = op.swapped, right, left
    if isinstance(left, nodes.Choose):  # the comparison is that of one of the two
        both = (replace(node, op=op, left=one, right=right) for one in (left.yes, left.no))
        return _together((turns(left.condition), *(_compare(one) for one in both)))
    bounded: Iterator[Span] | None = None
    if isinstance(left, nodes.DaysSince) and left.operand.type is FieldType.INSTANT and _number(right) is not None:
        bounded = _after_each(left.operand, _shifts(op, _number(right) or 0.0, until=left.until))
    elif isinstance(left, nodes.Now):
        bounded = _after_each(right, [0])
    elif _is_overdue(left) and (count := _number(right)) is not None:
        return Turns(frozenset([Rhythms(count)]))
    spans = None if bounded is None else frozenset(bounded)
    if not spans:
        return turns(left) | turns(right)
    asked = left.operand if isinstance(left, nodes.DaysSince) else right
    return Turns(spans) | turns(asked)


def _is_overdue(node: Node) -> bool:
    return (
        isinstance(node, nodes.CustomerField)
        and not node.custom
        and CLIENT_FIELDS[node.name].origin is Origin.COMPUTED
        and COMPUTED[node.name].by_time is ByTime.OVERDUE
    )


def _number(node: Node) -> float | None:
    match node:
        case nodes.Literal(value=float() as count):
            return count
        case nodes.Negate(operand=nodes.Literal(value=float() as count)):
            return -count
    return None


def _shifts(op: Comparison, days: float, *, until: bool) -> list[int]:
    """The ages of an instant, in microseconds, at which `days_since(it) op days` turns (see `day_spans.compare`)."""
    if until:
        op, days = op.swapped, -days
    if abs(days) > FARTHEST:
        return []
    whole, above = math.ceil(days) * DAY, (math.floor(days) + 1) * DAY
    match op:
        case Comparison.GT | Comparison.LE:
            return [above]
        case Comparison.GE | Comparison.LT:
            return [whole]
        case Comparison.EQ | Comparison.NE:
            return [whole, above]
        case _:
            assert_never(op)


def _after_each(node: Node, shifts: Iterable[int]) -> Iterator[Span]:
    """The spans that end so long after the instant; none where it is no stored instant."""
    for shift in shifts:
        match node:
            case nodes.CustomerField(custom=False, name="first_purchase_at" | "last_purchase_at"):
                yield EventAge(PURCHASE, shift)
            case nodes.CustomerField(custom=False) if CLIENT_FIELDS[node.name].origin in (Origin.COLUMN, Origin.FACT):
                yield FieldAge(node.name, shift)
            case nodes.EventField(name="at"):
                yield EventAge(node.event, shift)
            case nodes.History(function="first" | "last"):
                yield EventAge(node.event, shift)
            case nodes.Upcoming():
                yield from _begins(node, shift)
            case nodes.Literal(value=datetime() as moment):
                yield Moment(to_micros(moment) + shift)
