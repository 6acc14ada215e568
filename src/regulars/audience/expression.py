"""A checked condition: one tree, compiled to SQL for sets and evaluated in Python for one person.

Both are three-valued. In SQL an unknown result is NULL, which a WHERE treats as no; to negate the
whole, apply `coalesce(…, false)` first. `evaluate` returns True or False.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from jinja2 import nodes as jinja
from sqlalchemy.sql import ColumnElement

from regulars.audience import nodes
from regulars.audience.check_context import Place
from regulars.audience.clauses import Clause, explain
from regulars.audience.condition_text import LONGEST, Source
from regulars.audience.evaluate import Evaluation
from regulars.audience.nodes import PURCHASE, Node
from regulars.audience.person import Person
from regulars.audience.problems import ExpressionErrors, Problem
from regulars.audience.sql import Scope, Statement
from regulars.audience.turns import Turns, turns
from regulars.audience.type_check import Checker
from regulars.audience.vocabulary import Catalogue
from regulars.profile.visits import BOOKED, CANCELLED

DEEPEST = 40
"""Maximum nesting of parts."""
_DEEPEST_WITH_SEGMENTS = 80
"""Maximum nesting of the typed parts, those of segments included: the databases' parsers have limits."""
_LARGEST = 2_000
"""Maximum number of parts, after chains such as `a < b < c` are expanded."""

_BEYOND_THE_EVENT = (
    nodes.CustomerField, nodes.ProductField, nodes.Now, nodes.Today, nodes.DaysSince, nodes.LocalDay, nodes.Bought,
    nodes.History, nodes.Lines, nodes.Upcoming, nodes.InSegment, nodes.LeftSegment,
)  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """A condition with valid names and types."""

    text: str
    node: Node

    def sql(self, scope: Scope) -> ColumnElement[bool]:
        """The condition over `scope`; NULL is unknown. Raises ValueError when the scope lacks something it needs."""
        return Statement(scope).value(self.node)

    def evaluate(self, person: Person, now: datetime) -> bool:
        """Whether it holds for the person at `now`; unknown counts as no."""
        return Evaluation(person, now).value(self.node) is True

    def value(self, person: Person, now: datetime) -> str | float | None:
        """The value for the person at `now`, of a text or number expression; None is unknown."""
        found: str | float | None = Evaluation(person, now).value(self.node)
        return found

    def explain(self, person: Person, now: datetime) -> Clause:
        """The same with every part's value."""
        return explain(self.text, self.node, Evaluation(person, now))

    @cached_property
    def turns(self) -> Turns:
        """When its value can turn by time alone."""
        return turns(self.node)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The client fields it reads."""
        return frozenset(n.name for n in _walk(self.node) if isinstance(n, nodes.CustomerField))

    @cached_property
    def events(self) -> frozenset[str]:
        """The events whose history it reads; `purchase` is one."""
        return frozenset(name for n in _walk(self.node) for name in _events_of(n))

    @cached_property
    def segments(self) -> frozenset[str]:
        """The segments it uses, those of its segments included."""
        return frozenset(n.name for n in _walk(self.node) if isinstance(n, (nodes.InSegment, nodes.LeftSegment)))

    @cached_property
    def elsewhere(self) -> Node | None:
        """The first part that asks about more than the event itself: the client, a segment, the time of the answer."""
        return next((n for n in _walk(self.node) if isinstance(n, _BEYOND_THE_EVENT)), None)

    @cached_property
    def edges(self) -> tuple[nodes.LeftSegment, ...]:
        """The segments of which it asks who left them."""
        return tuple(n for n in _walk(self.node) if isinstance(n, nodes.LeftSegment))


def parse(
    text: str, catalogue: Catalogue, event: str | None = None, *, product: bool = False,
    kind: Literal["condition", "value"] = "condition", place: Place = "rule",
) -> Expression:  # fmt: skip
    """Reads and checks a condition, or a value that is a text or a number; raises ExpressionErrors with all faults.

    `event` is the campaign's trigger event, whose fields the condition can use; `product`: the trigger is a new
    product. `place` says what the condition is, for what only some of them can ask. A condition that uses a faulty
    segment raises ExpressionErrors without a problem: the fault is the segment's.
    """
    if not text.strip():
        raise ExpressionErrors(
            text, [Problem(0, 1, "the condition is empty", "a yes or no, such as `customer.spent > 100`")]
        )
    if len(text) > LONGEST:
        raise ExpressionErrors(text, [Problem(LONGEST, 1, f"the condition is longer than {LONGEST} characters")])
    deep = ExpressionErrors(text, [Problem(0, 1, f"the condition is nested more than {DEEPEST} deep")])
    try:
        source = Source(text)
        tree = source.read()
    except RecursionError:
        raise deep from None
    if _depth(tree) > DEEPEST:
        raise deep
    checker = Checker(source, catalogue, event, product=product, place=place)
    found = checker.condition(tree) if kind == "condition" else checker.plain(tree)
    if checker.problems or found is None:
        raise ExpressionErrors(text, checker.problems)
    if _levels(found, {}) > _DEEPEST_WITH_SEGMENTS:
        nested = "the condition is nested too deep with the segments that it uses"
        raise ExpressionErrors(text, [Problem(0, 1, nested)])
    if _size(found, {}) > _LARGEST:
        raise ExpressionErrors(text, [Problem(0, 1, "the condition has too many parts")])
    return Expression(text, found)


def _events_of(node: Node) -> tuple[str, ...]:
    match node:
        case nodes.History():
            return (node.event,)
        case nodes.Bought() | nodes.Lines():
            return (PURCHASE,)
        case nodes.Upcoming(event=nodes.VISIT):
            return BOOKED, CANCELLED
        case nodes.Upcoming():
            return (node.event,)
    return ()


def _depth(root: jinja.Node) -> int:
    """The depth of the tree; `a or b or c` is one level, however long."""
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        for child in node.iter_child_nodes():
            flat = isinstance(node, (jinja.And, jinja.Or)) and type(child) is type(node) and child is node.left
            waiting.append((child, depth if flat else depth + 1))
    return deepest


def _size(node: Node, known: dict[int, int]) -> int:
    """The number of nodes, with shared ones counted at each use."""
    if id(node) not in known:
        known[id(node)] = 1 + sum(_size(part, known) for part in node.parts())
    return known[id(node)]


def _levels(node: Node, known: dict[int, int]) -> int:
    """The depth of the typed nodes, those of segments included."""
    if id(node) not in known:
        known[id(node)] = 1 + max((_levels(part, known) for part in node.parts()), default=0)
    return known[id(node)]


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts():
        yield from _walk(part)
