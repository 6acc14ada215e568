"""Conditions that no client can meet, whatever the data: `x > 5 and x < 3`, `count < 0`.

Only what follows from comparisons of one value with numbers, dates, instants and words is found; everything else may
hold. An unknown value counts as no, so that a condition which excludes every known value is never true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from regulars.audience.nodes import (
    AllOf,
    AnyOf,
    Bought,
    Compare,
    Comparison,
    History,
    InSegment,
    Lines,
    Literal,
    Member,
    Node,
    Not,
)
from regulars.rules.fields import FieldType

_NEVER_NEGATIVE = ("count", "bought_quantity")
_OPPOSITE = {
    Comparison.EQ: Comparison.NE, Comparison.NE: Comparison.EQ, Comparison.LT: Comparison.GE,
    Comparison.GE: Comparison.LT, Comparison.GT: Comparison.LE, Comparison.LE: Comparison.GT,
}  # fmt: skip


@dataclass(slots=True)
class _Range:
    """What is left of one value's possible values; `none` is the part of the condition that took the last."""

    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False
    one_of: frozenset[Any] | None = None

    def narrow(self, op: Comparison, value: Any) -> bool:
        """Takes a comparison in; returns whether any value is left."""
        if op is Comparison.EQ:
            self.one_of = frozenset({value}) if self.one_of is None else self.one_of & {value}
        elif op in (Comparison.GT, Comparison.GE):
            open_ = op is Comparison.GT
            if self.low is None or (value, open_) > (self.low, self.low_open):
                self.low, self.low_open = value, open_
        elif op in (Comparison.LT, Comparison.LE):
            open_ = op is Comparison.LT
            if self.high is None or (value, not open_) < (self.high, not self.high_open):
                self.high, self.high_open = value, open_
        return self._any_left()

    def among(self, values: frozenset[Any]) -> bool:
        """Takes `x in [..]` in."""
        self.one_of = values if self.one_of is None else self.one_of & values
        return self._any_left()

    def _any_left(self) -> bool:
        if self.one_of is not None:
            return any(self._fits(value) for value in self.one_of)
        if self.low is None or self.high is None:
            return True
        return bool(self.low < self.high or (self.low == self.high and not (self.low_open or self.high_open)))

    def _fits(self, value: Any) -> bool:
        above = self.low is None or value > self.low or (value == self.low and not self.low_open)
        below = self.high is None or value < self.high or (value == self.high and not self.high_open)
        return bool(above and below)


def impossible(node: Node) -> Node | None:
    """The smallest part of the condition that makes it impossible; None if it may hold."""
    if isinstance(node, InSegment):
        return node if impossible(node.body) is not None else None
    if isinstance(node, AnyOf):
        return node if all(impossible(part) is not None for part in node.operands) else None
    if isinstance(node, AllOf):
        inner = next((found for part in node.operands if (found := impossible(part)) is not None), None)
        return inner or _excluded(tuple(_conjuncts(node)))
    return _excluded((node,))


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, AllOf):
        for part in node.operands:
            yield from _conjuncts(part)
    elif isinstance(node, InSegment):
        yield from _conjuncts(node.body)
    else:
        yield node


def _excluded(parts: tuple[Node, ...]) -> Node | None:
    """The first part that leaves no value of what it compares."""
    ranges: dict[Any, _Range] = {}
    for part in parts:
        if isinstance(part, Literal) and part.value is False:
            return part
        compared = _comparison(part)
        if compared is not None:
            op, operand, value = compared
            found = ranges.setdefault(_shape(operand), _known_range(operand))
            if not found.narrow(op, value):
                return part
        elif isinstance(part, Member):
            found = ranges.setdefault(_shape(part.operand), _known_range(part.operand))
            if not found.among(frozenset(item.value for item in part.items)):
                return part
    return None


def _comparison(node: Node) -> tuple[Comparison, Node, Any] | None:
    """A value compared with one that the author wrote, that value on the right."""
    if isinstance(node, Not):
        inner = _comparison(node.operand)
        return None if inner is None else (_OPPOSITE[inner[0]], inner[1], inner[2])
    if not isinstance(node, Compare):
        return None
    for op, left, right in ((node.op, node.left, node.right), (node.op.swapped, node.right, node.left)):
        if isinstance(right, Literal) and not isinstance(left, Literal) and _orders(right.value):
            return op, left, right.value
    return None


def _orders(value: object) -> bool:
    return isinstance(value, (str, int, float, date, datetime)) and not isinstance(value, bool)


def _known_range(node: Node) -> _Range:
    """What is known of a value beforehand: a number of things is not negative."""
    counts = isinstance(node, (History, Lines)) and node.function in _NEVER_NEGATIVE
    return _Range(low=0) if counts and node.type is FieldType.NUMBER else _Range()


def _shape(node: Node) -> tuple[Any, ...]:
    """The node without its place in the text, so that two mentions of one value are equal."""
    if isinstance(node, (Bought, History, Lines)):
        return (type(node).__name__, *(getattr(node, each.name) for each in fields(node)[3:]))
    values = [getattr(node, each.name) for each in fields(node) if each.name not in {"start", "end"}]
    return (type(node).__name__, *(_shape(value) if isinstance(value, Node) else repr(value) for value in values))
