"""Shared state of the type check: the condition's text, the catalogue, and the problems found so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from jinja2 import nodes as jinja

from regulars.audience.condition_text import Source
from regulars.audience.nodes import Node
from regulars.audience.problems import Problem, Wrong
from regulars.audience.vocabulary import Catalogue

Place = Literal["rule", "state", "segment"]
"""What the condition is: the state of a `when` campaign, a segment's, or another rule's."""


class CheckContext(ABC):
    """One condition under check; the campaign's trigger is `event`, or with `product` a new product."""

    def __init__(
        self, source: Source, catalogue: Catalogue, event: str | None, *, product: bool = False, place: Place = "rule"
    ) -> None:  # fmt: skip
        self.source, self.catalogue, self.event, self.product = source, catalogue, event, product
        self.role = place
        self.problems: list[Problem] = []

    @abstractmethod
    def value(self, node: jinja.Node) -> Node | None:
        """The typed node for any expression, or None when a problem was added."""

    @abstractmethod
    def text(self, node: jinja.Node) -> Node | None:
        """A value that must be a text, or None when a problem was added."""

    def wrong(
        self,
        at: jinja.Node | Node | tuple[int, int],
        message: str,
        expected: str | None = None,
        hint: str | None = None,
    ) -> Wrong:
        """A problem with a part of the text, as an exception to raise; the enclosing `value` adds it."""
        start, end = at if isinstance(at, tuple) else self.place(at)
        return Wrong(Problem(start, end - start, message, expected, hint))

    def add_problem(self, wrong: Wrong) -> None:
        """Adds a problem to the report."""
        self.problems.append(wrong.problem)

    def written(self, node: jinja.Expr, what: str) -> str:
        """A text the author wrote in quotes; empty when a problem was added instead."""
        if isinstance(node, jinja.Const) and isinstance(node.value, str):
            found = self.value(node)
            if found is not None and not node.value.strip():
                self.add_problem(self.wrong(node, "this text is empty", what))
            return node.value
        hint = f"write `'{node.name}'`, with quotes" if isinstance(node, jinja.Name) else None
        message = f"`{self.words(node)}` is not a text in quotes"
        self.add_problem(self.wrong(node, message, f"{what}, in quotes", hint))
        return ""

    def place(self, node: jinja.Node | Node) -> tuple[int, int]:
        """Start and end of a node of either tree, in characters of the text."""
        return (node.start, node.end) if isinstance(node, Node) else self.source.span(node)

    def words(self, node: jinja.Node | Node) -> str:
        """The source text of a node."""
        start, end = self.place(node)
        return self.source.text[start:end]
