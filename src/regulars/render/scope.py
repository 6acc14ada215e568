"""Which names an email's tags use, read from Jinja's own parse: `customer.first_name`, `loop.index`, `coupon.code`.

Names defined by a loop or `{% set %}` belong to the template. A name tested by an `{% if %}` is
guarded inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import nodes

from regulars.core.diagnostics import Span
from regulars.render.environment import HTML
from regulars.render.template_pieces import Kind, Origin, Piece, skeleton


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name: `path` is ("customer", "first_name"); `printed` if a missing value would fail here."""

    path: tuple[str, ...]
    span: Span
    guarded: bool
    printed: bool


@dataclass(frozen=True, slots=True)
class _Scope:
    own: frozenset[str] = frozenset()
    guards: frozenset[tuple[str, ...]] = frozenset()


@dataclass
class _Reader:
    tags: Sequence[Piece]
    uses: list[Use] = field(default_factory=list)

    def statements(self, body: Sequence[nodes.Node], scope: _Scope) -> None:
        """Consecutive statements: a name of `{% set %}` is known in those after it."""
        for node in body:
            self.statement(node, scope)
            if isinstance(node, nodes.Assign | nodes.AssignBlock):
                scope = _Scope(scope.own | _targets(node.target), scope.guards)

    def statement(self, node: nodes.Node, scope: _Scope) -> None:
        if isinstance(node, nodes.For):
            self.expression(node.iter, scope, printed=True)
            inner = _Scope(scope.own | _targets(node.target) | {"loop"}, scope.guards)
            if node.test is not None:
                self.expression(node.test, inner)
            self.statements(node.body, inner)
            self.statements(node.else_, scope)
        elif isinstance(node, nodes.If):
            self.condition(node, scope)
        elif isinstance(node, nodes.With):
            for value in node.values:
                self.expression(value, scope)
            names = frozenset[str]().union(*(_targets(t) for t in node.targets))
            self.statements(node.body, _Scope(scope.own | names, scope.guards))
        elif isinstance(node, nodes.Output):
            for expression in node.nodes:
                self.expression(expression, scope, printed=True)
        elif isinstance(node, nodes.AssignBlock):
            self.statements(node.body, scope)
        else:
            for child in node.iter_child_nodes(exclude=["target"]):
                self.expression(child, scope)

    def condition(self, node: nodes.If, scope: _Scope) -> None:
        self.expression(node.test, scope)
        guards = scope.guards | frozenset(_paths(node.test))
        self.statements(node.body, _Scope(scope.own, guards))
        for branch in node.elif_:
            self.condition(branch, scope)
        self.statements(node.else_, _Scope(scope.own, guards))

    def expression(self, node: nodes.Node, scope: _Scope, *, printed: bool = False) -> None:
        path = _path(node)
        if path is not None:
            if path[0] not in scope.own:
                self.uses.append(self.use(node, path, scope, printed))
            return
        if isinstance(node, nodes.Test) and node.name in ("defined", "undefined"):
            guards = scope.guards | frozenset(_paths(node.node))
            self.expression(node.node, _Scope(scope.own, guards))
        elif isinstance(node, nodes.Filter):
            safe = node.name in ("default", "d")
            self.children(node, scope, printed=not safe, ignored=safe)
        elif isinstance(node, nodes.CondExpr):
            inner = _Scope(scope.own, scope.guards | frozenset(_paths(node.test)))
            self.expression(node.test, scope)
            for branch in (node.expr1, node.expr2):
                if branch is not None:
                    self.expression(branch, inner, printed=printed)
        elif isinstance(node, nodes.Or | nodes.And | nodes.Compare | nodes.Test | nodes.Not):
            self.children(node, scope, printed=False)
        else:
            self.children(node, scope, printed=printed)

    def children(self, node: nodes.Node, scope: _Scope, *, printed: bool, ignored: bool = False) -> None:
        for child in node.iter_child_nodes():
            inner = _Scope(scope.own, scope.guards | frozenset(_paths(child))) if ignored else scope
            self.expression(child, inner, printed=printed)

    def use(self, node: nodes.Node, path: tuple[str, ...], scope: _Scope, printed: bool) -> Use:
        tag = self.tags[min(node.lineno, len(self.tags)) - 1]
        found = re.search(r"\b" + r"\s*\.\s*".join(map(re.escape, path)) + r"\b", tag.text)
        whole = Origin(tag.text, tag.span.path, tag.span.line, tag.span.column)
        span = whole.span(found.start(), len(found[0])) if found else tag.span
        guarded = any(path[: len(guard)] == guard for guard in scope.guards)
        return Use(path, span, guarded, printed)


def uses(pieces: Sequence[Piece]) -> list[Use]:
    """The names that some pieces use, in order. The pieces must be valid Jinja."""
    tags = [p for p in pieces if p.kind in (Kind.PRINT, Kind.BLOCK)]
    if not tags:
        return []
    reader = _Reader(tags)
    reader.statements(parsed(skeleton(tags)).body, _Scope())
    return reader.uses


@lru_cache(maxsize=256)
def parsed(source: str) -> nodes.Template:
    """Jinja's tree of valid tags. Cached: the tags of an email are often the same in all its languages."""
    return HTML.parse(source)


def fields(pieces: Sequence[Piece], root: str) -> frozenset[str] | None:
    """The fields of `root` that some pieces read; None where it is passed on whole. The pieces must be valid Jinja."""
    paths = [use.path for use in uses(pieces) if use.path[0] == root]
    return None if any(len(path) == 1 for path in paths) else frozenset(path[1] for path in paths)


def _path(node: nodes.Node) -> tuple[str, ...] | None:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        before = _path(node.node)
        return (*before, node.attr) if before else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        before = _path(node.node)
        return (*before, node.arg.value) if before else None
    return None


def _paths(node: nodes.Node) -> Iterator[tuple[str, ...]]:
    path = _path(node)
    if path is not None:
        yield path
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _targets(node: nodes.Node) -> frozenset[str]:
    if isinstance(node, nodes.Name):
        return frozenset({node.name})
    return frozenset(n.name for n in node.find_all(nodes.Name))
