"""Why a condition is true or not for one person: its parts, each with its value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from regulars.audience import nodes
from regulars.audience.evaluate import COMPARE, Evaluation
from regulars.audience.nodes import Comparison, Node
from regulars.core.calendar import zone
from regulars.db.types import from_micros
from regulars.rules.fields import FieldType


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a condition as the author wrote it, and its value.

    `value` is a text, float, bool, date, aware datetime, list, or None for unknown. `reading` is the text
    with values instead of names, where that adds information. A plain value has no parts.
    """

    text: str
    value: Any
    parts: tuple[Clause, ...] = ()
    reading: str | None = None
    segment: bool = False
    """Whether it names a segment; its only part is the segment's condition."""

    def __str__(self) -> str:
        """One line: `customer.overdue >= 2: 1.4 >= 2 is false`."""
        return f"{self.text}: {self.reading + ' is ' if self.reading else ''}{show(self.value)}"

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The whole tree, one line per clause, parts indented; a reading replaces the lines of plain values."""
        yield "  " * depth + str(self)
        for part in self.parts:
            if part.parts or self.reading is None:
                yield from part.lines(depth + 1)


def explain(text: str, node: Node, evaluation: Evaluation) -> Clause:
    """The tree of clauses for a checked condition."""
    value = evaluation.value(node)
    if node.type is FieldType.INSTANT and value is not None:
        value = _local(value, evaluation)
    written = text[node.start : node.end]
    if isinstance(node, nodes.Not) and node.operand.start == node.start:  # `not in`, `is not none`
        inside = explain(text, node.operand, evaluation)
        return Clause(written, value, inside.parts, inside.reading)
    if isinstance(node, (nodes.InSegment, nodes.LeftSegment)):  # the offsets of its body are of another text
        inside = explain(node.text, node.body, evaluation)
        return Clause(written, value, (inside,), segment=isinstance(node, nodes.InSegment))
    kept = [p for p in node.parts() if isinstance(node, nodes.Compare) or not isinstance(p, nodes.Literal)]
    parts = tuple(explain(text, part, evaluation) for part in kept)
    return Clause(written, value, parts, _reading(text, node, kept, parts))


def _reading(text: str, node: Node, kept: Sequence[Node], parts: Sequence[Clause]) -> str | None:
    """The clause with values instead of its parts; None where that would add nothing."""
    if isinstance(node, nodes.Compare):
        left, right = _sides(node.op, parts[0].value, parts[1].value)
        return f"{left} {node.op} {right}"
    if not parts or not isinstance(node, _READ):
        return None
    written, at = "", node.start
    for part, clause in zip(kept, parts, strict=True):
        written += text[at : part.start] + show(clause.value)
        at = part.end
    return written + text[at : node.end]


_READ = (nodes.Member, nodes.Holds, nodes.TextTest, nodes.IsNone, nodes.DaysSince, nodes.Arithmetic, nodes.Negate)
"""Nodes that are clearer with values instead of names."""


def _sides(op: Comparison, left: Any, right: Any) -> tuple[str, str]:
    """Both sides in words; numbers in full where rounded ones would compare differently."""
    one, two = show(left), show(right)
    if isinstance(left, float) and isinstance(right, float):
        compare = COMPARE[op]
        if compare(float(one), float(two)) != compare(left, right):
            return repr(left), repr(right)
    return one, two


def show(value: Any) -> str:
    """A value in the syntax of conditions, numbers to four decimals."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "true" if value else "false"
        case float():
            short = f"{value + 0.0:.4f}".rstrip("0").rstrip(".")
            return repr(value) if float(short) == 0 != value else short
        case datetime():
            name = value.tzname() or ""  # a zone without an abbreviation is named by its offset
            return f"{value:%Y-%m-%d %H:%M} {name if name.isalpha() else f'UTC{value:%z}'}"
        case date():
            return value.isoformat()
    return repr(value)


def _local(micros: int, evaluation: Evaluation) -> datetime | None:
    """The instant in the client's time zone."""
    fields, default = evaluation.person.fields, evaluation.person.zone
    try:
        clock = zone(str(fields.get("timezone") or default))
    except ValueError:
        clock = zone(default)
    try:
        return from_micros(micros).astimezone(clock)
    except (OverflowError, ValueError):  # out of the range of the calendar
        return None
