"""A condition as typed nodes, after names and types were checked.

Both compilers walk only these nodes, so they cannot interpret the same text differently. `start` and
`end` are offsets into the text.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum

from regulars.rules.fields import FieldType


class Comparison(StrEnum):
    """The comparisons; the value is how the author writes it."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def swapped(self) -> Comparison:
        """The same comparison with its sides exchanged."""
        return _SWAPPED.get(self, self)


_SWAPPED = {
    Comparison.LT: Comparison.GT,
    Comparison.GT: Comparison.LT,
    Comparison.LE: Comparison.GE,
    Comparison.GE: Comparison.LE,
}


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a condition and the type of its value."""

    start: int
    end: int
    type: FieldType

    def parts(self) -> tuple[Node, ...]:
        """The child nodes, in source order."""
        found: list[Node] = []
        for each in fields(self):
            value = getattr(self, each.name)
            found += [value] if isinstance(value, Node) else [v for v in _sequence(value) if isinstance(v, Node)]
        return tuple(found)


def _sequence(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A value the author wrote; None is unknown."""

    value: str | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class CustomerField(Node):
    """`customer.NAME`; `custom` for the workspace's own fields."""

    name: str
    custom: bool


@dataclass(frozen=True, slots=True)
class EventField(Node):
    """`event.NAME` of the event that triggered the campaign."""

    event: str
    name: str


@dataclass(frozen=True, slots=True)
class ProductField(Node):
    """`product.NAME` of the product that triggered the campaign."""

    name: str


@dataclass(frozen=True, slots=True)
class Now(Node):
    """The instant of the evaluation."""


@dataclass(frozen=True, slots=True)
class Today(Node):
    """The date of that instant in the client's time zone."""


@dataclass(frozen=True, slots=True)
class Not(Node):
    """True for no, false for yes, unknown for unknown."""

    operand: Node


@dataclass(frozen=True, slots=True)
class AllOf(Node):
    """`and`: no if any part is no, else unknown if any is unknown."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Node):
    """`or`: yes if any part is yes, else unknown if any is unknown."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """Two values of one type, compared; unknown if either is."""

    op: Comparison
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`x in [..]`; the items are of the type of `x`, and known."""

    operand: Node
    items: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Holds(Node):
    """`text in event.some_list`."""

    operand: Node
    field: CustomerField | EventField


@dataclass(frozen=True, slots=True)
class IsNone(Node):
    """Whether the value is unknown; never unknown itself."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`+ - * /` on numbers; division by zero is unknown."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """A number with its sign changed."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`yes if condition else no`; an unknown condition counts as no."""

    yes: Node
    condition: Node
    no: Node


@dataclass(frozen=True, slots=True)
class DaysSince(Node):
    """Whole days from a date or instant up to now; `until` turns the sign."""

    operand: Node
    until: bool


@dataclass(frozen=True, slots=True)
class TextTest(Node):
    """`contains`, `starts_with` or `ends_with`, case-sensitive."""

    function: str
    whole: Node
    part: Node


@dataclass(frozen=True, slots=True)
class Bought(Node):
    """Whether a purchase had a product of this sku or category."""

    what: str
    within: timedelta | None


@dataclass(frozen=True, slots=True)
class History(Node):
    """`did`, `count`, `spent`, `first` or `last` over one kind of event; `purchase` is one."""

    function: str
    event: str
    within: timedelta | None


@dataclass(frozen=True, slots=True)
class Lines(Node):
    """`spent` or `bought_quantity` over the lines of purchases with this sku or category."""

    function: str
    what: str
    within: timedelta | None


@dataclass(frozen=True, slots=True)
class Upcoming(Node):
    """`next` (the earliest instant to come; unknown for none) or `has_upcoming`, by the instant `field` of an event.

    Of `visit`, those that stand: booked, and since then neither moved nor cancelled.
    """

    function: str
    event: str
    field: str


@dataclass(frozen=True, slots=True)
class LocalDay(Node):
    """The date of an instant in the client's time zone; the checker puts it where an instant meets a date."""

    operand: Node


@dataclass(frozen=True, slots=True)
class InSegment(Node):
    """`in_segment('name')`: whether the segment's condition holds; unknown counts as no.

    `text` is the segment's condition as written, into which the offsets of `body` point.
    """

    name: str
    text: str
    body: Node


@dataclass(frozen=True, slots=True)
class LeftSegment(Node):
    """`left_segment('name')`: was in the segment at an earlier plan, and is not now; never unknown."""

    name: str
    text: str
    body: Node


VISIT = "visit"
"""The name by which `next` and `has_upcoming` take visits, which are booked, moved and cancelled."""
PURCHASE = "purchase"
"""The built-in event whose rows are the purchases."""

AnyNode = (
    Literal | CustomerField | EventField | ProductField | Now | Today | Not | AllOf | AnyOf | Compare | Member | Holds
    | IsNone | Arithmetic | Negate | Choose | DaysSince | TextTest | Bought | History | Lines | Upcoming | LocalDay
    | InSegment | LeftSegment
)  # fmt: skip
"""Every kind of node: what takes one of these and leaves a kind out is refused by the type checker."""
