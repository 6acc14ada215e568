"""Why a condition is true or not for one person: its parts, each with its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from regulars.audience import nodes
from regulars.audience.nodes import Node
from regulars.audience.python import Evaluation
from regulars.rules.names import FieldType
from regulars.store.types import from_micros


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a condition as the author wrote it, and what it came to.

    `value` is a text, float, bool, date, aware datetime, list, or None for unknown. `reading` is the text
    with values in place of names, where that says more. A plain value has no parts.
    """

    text: str
    value: Any
    parts: tuple[Clause, ...] = ()
    reading: str | None = None

    def __str__(self) -> str:
        """One line: `customer.overdue >= 2: 1.4 >= 2 is false`."""
        return f"{self.text}: {self.reading + ' is ' if self.reading else ''}{show(self.value)}"

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The whole tree, a line each, parts indented below what they belong to; plain values are in the readings."""
        yield "  " * depth + str(self)
        for part in self.parts:
            if part.parts:
                yield from part.lines(depth + 1)


def explain(text: str, node: Node, evaluation: Evaluation) -> Clause:
    """The tree of clauses for a checked condition."""
    value = evaluation.value(node)
    if node.type is FieldType.INSTANT and value is not None:
        value = _datetime(value)
    parts = tuple(explain(text, part, evaluation) for part in node.parts() if not isinstance(part, nodes.Literal) or
                  isinstance(node, nodes.Compare))  # fmt: skip
    return Clause(text[node.start : node.end], value, parts, _reading(text, node, parts))


def _reading(text: str, node: Node, parts: tuple[Clause, ...]) -> str | None:
    """The clause with the values of its plain parts; None where the text already says it all."""
    if isinstance(node, nodes.Compare):
        left, right = _pair(parts[0].value, parts[1].value)
        return f"{left} {node.op} {right}"
    if isinstance(node, (nodes.Member, nodes.TextTest, nodes.DaysSince, nodes.Arithmetic, nodes.IsNone, nodes.Holds)):
        written, at = "", node.start
        for part, clause in zip((p for p in node.parts() if not isinstance(p, nodes.Literal)), parts, strict=True):
            written += text[at : part.start] + show(clause.value)
            at = part.end
        return written + text[at : node.end] if parts else None
    return None


def _pair(left: Any, right: Any) -> tuple[str, str]:
    """Both sides in words; numbers that would look the same but are not are written out."""
    one, two = show(left), show(right)
    if one == two and left != right:
        return repr(left), repr(right)
    return one, two


def show(value: Any) -> str:
    """A value as it would be written in a condition, numbers to four decimals."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "true" if value else "false"
        case float():
            short = f"{value:.4f}".rstrip("0").rstrip(".")
            return repr(value) if float(short) == 0 != value else short
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case date():
            return value.isoformat()
    return repr(value)


def _datetime(micros: int) -> datetime | None:
    try:
        return from_micros(micros)
    except OverflowError:  # an offset that leads out of the calendar
        return None
