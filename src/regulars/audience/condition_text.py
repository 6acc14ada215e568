"""Parsing a condition with Jinja's own lexer and parser, with source positions.

Jinja's nodes have only a line number. Here each token carries its offset instead, and the source range of
every node is recorded, once without and once with the parentheses around it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TOKEN_EOF, TokenStream, ignored_tokens
from jinja2.parser import Parser

from regulars.audience.problems import ExpressionErrors, Problem

LONGEST = 5_000
"""Maximum characters of a condition; deep nesting is expensive for the databases."""

_ENVIRONMENT = Environment(autoescape=False)  # noqa: S701 - it parses, and renders nothing
_INSTEAD = {
    "&": "write `and`", "|": "write `or`; filters do not belong in a condition", "!": "write `not`", "=": "write `==`",
    "`": "write texts in quotes: 'like this'", "}": "a condition is written without braces",
    "{": "a condition is written without braces", "$": None, "?": "write `x if condition else y`",
    "“": "use straight quotes: 'like this'", "”": "use straight quotes: 'like this'",
    "‘": "use straight quotes: 'like this'", "’": "use straight quotes: 'like this'",
    "„": "use straight quotes: 'like this'", "«": "use straight quotes: 'like this'",
}  # fmt: skip
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "IS": "is", "LIKE": "contains(text, part)"}


class Source(Parser):
    """Jinja's parser over one condition; `spans` gives each node's text without and with parentheses."""

    def __init__(self, text: str) -> None:
        super().__init__(_ENVIRONMENT, "")
        self.text = text.replace("\r", " ")
        self.spans: dict[nodes.Node, list[tuple[int, int]]] = {}
        self.tokens = [t for t in self._lex() if t[1] not in ignored_tokens]
        self.stream = TokenStream(_ENVIRONMENT.lexer.wrap(self.tokens), None, None)

    def _refuse_braces(self) -> None:
        found = re.match(r"\s*(\{[{%])", self.text)
        if found:
            problem = Problem(
                found.start(1), 2, "a condition is written without braces", hint=f"leave `{found[1]}` out"
            )
            raise ExpressionErrors(self.text, [problem])

    def _lex(self) -> list[tuple[int, str, str]]:
        found: list[tuple[int, str, str]] = []
        offset = 0
        self._refuse_braces()
        try:
            for _, kind, value in _ENVIRONMENT.lexer.tokeniter(self.text, None, None, "variable"):
                found.append((offset, kind, value))
                offset += len(value)
        except TemplateSyntaxError as error:
            raise _refused(self.text, offset, str(error.message)) from error
        return found

    def read(self) -> nodes.Expr:
        """The whole text as one expression; raises ExpressionErrors otherwise."""
        try:
            found = self.parse_expression()
        except TemplateSyntaxError as error:
            at = len(self.text.rstrip()) if self.stream.current.type == TOKEN_EOF else error.lineno
            raise _refused(self.text, at, str(error.message)) from error
        if not self.stream.eos:
            raise _refused(self.text, self.stream.current.lineno, "")
        return found

    def span(self, node: nodes.Node, *, wide: bool = False) -> tuple[int, int]:
        """The source range of the node: [start, end). `wide` includes the parentheses around it."""
        if node in self.spans:
            return self.spans[node][-1 if wide else 0]
        inside = [self.span(child, wide=True) for child in node.iter_child_nodes()]
        return min(s for s, _ in inside), max(e for _, e in inside)

    def before(self, offset: int, steps: int) -> tuple[int, int]:
        """The token `steps` before the one at `offset`."""
        at, _, value = self.tokens[bisect_left(self.tokens, (offset, "", "")) - steps]
        return at, at + len(value)

    def record_span(self, node: nodes.Node, start: int) -> None:
        """Records that the node extends from `start` to the current token."""
        if self.stream.current.type == TOKEN_EOF:
            at, _, value = self.tokens[-1]
            end = at + len(value)
        else:
            end = self.before(self.stream.current.lineno, 1)[1]
        self.spans.setdefault(node, []).append((start, end))


def _recording(inner: Callable[..., Any]) -> Callable[..., Any]:
    """The parsing method with recording of ranges; if its argument is a node, the result begins where that does."""

    def method(self: Source, *args: Any, **options: Any) -> Any:
        given = args[0] if args and isinstance(args[0], nodes.Node) else None
        start = self.stream.current.lineno if given is None else self.span(given, wide=True)[0]
        found = inner(self, *args, **options)
        if isinstance(found, nodes.Node):
            self.record_span(found, start)
            if given is not None and isinstance(found, nodes.Not):  # `x is not none` comes as two nodes at once
                self.record_span(found.node, start)
        return found

    return method


for _name in (
    "condexpr", "or", "and", "not", "compare", "math1", "concat", "math2", "pow", "unary", "primary", "list", "dict",
    "tuple", "subscript", "call", "filter", "test",
):  # fmt: skip
    setattr(Source, f"parse_{_name}", _recording(getattr(Parser, f"parse_{_name}")))


def _refused(text: str, at: int, error: str) -> ExpressionErrors:
    """The problem that stopped the parser, in our words."""
    if at >= len(text.rstrip()):
        return ExpressionErrors(
            text, [Problem(len(text.rstrip()), 1, "the condition stops too early", _expected(error))]
        )
    found = re.compile(r"\w+|.", re.DOTALL).match(text, at)
    word = found[0] if found else text[at]
    if word in "'\"":
        return ExpressionErrors(text, [Problem(at, 1, "this quote is never closed", f"a closing {word}")])
    hint = f"write `{_WORDS[word.upper()]}`" if word.upper() in _WORDS else _INSTEAD.get(word)
    message = f"`{word}` does not belong here"
    return ExpressionErrors(text, [Problem(at, len(word), message, _expected(error), hint)])


def _expected(error: str) -> str | None:
    found = re.match(
        r"(?:expected token|unexpected end of template, expected|unexpected '.', expected) '([^']+)'", error
    )
    return f"`{found[1]}`" if found and "end of" not in found[1] else None
