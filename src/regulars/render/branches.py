"""Which branches of an email's `{% if %}` and `{% for %}` its data take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes

from regulars.core.diagnostics import Span
from regulars.render.compile import CompiledEmail, Part
from regulars.render.environment import HTML, TEXT, CountedContext, Environment
from regulars.render.limits import CURRENT
from regulars.render.message import context_values
from regulars.render.template_pieces import Kind, Piece, skeleton

_BRANCHES = frozenset({"if", "elif", "else"})
_MARK = "\x00{}\x00"
"""Printed at the begin of a branch; no text of an email has this character."""


def branches(email: CompiledEmail, context: Mapping[str, Any]) -> dict[Span, bool]:
    """The tags that begin a branch, by place, and whether the branch is taken with these values."""
    values, found = context_values(email, context), dict[Span, bool]()
    for part, env in ((email.html, HTML), (email.text, TEXT), (email.subject, TEXT), (email.preheader, TEXT)):
        for span, taken in _taken(part, env, values) if part is not None else ():
            found[span] = found.get(span, False) or taken
    return found


def _taken(part: Part, env: Environment, values: dict[str, Any]) -> Iterator[tuple[Span, bool]]:
    tags = tuple(piece for piece in part.pieces if piece.kind in (Kind.PRINT, Kind.BLOCK))
    begins = [tag for tag in tags if tag.statement in _BRANCHES]
    if not begins:
        return
    template = _marked(env.careful, tags)
    context = template.new_context(values)
    assert isinstance(context, CountedContext)
    CURRENT.set(context.budget)
    printed = "".join(template.root_render_func(context))
    for number, tag in enumerate(begins):
        yield tag.span, _MARK.format(number) in printed


@lru_cache(maxsize=256)
def _marked(env: Environment, tags: Sequence[Piece]) -> Template:
    """The tags alone, with a mark at the begin of each branch, numbered in the order of the tags."""
    tree = env.parse(skeleton(tags))
    for number, body in enumerate(_bodies(tree.body)):
        body.insert(0, nodes.Output([nodes.TemplateData(_MARK.format(number))], lineno=1))
    return env.from_string(tree)


def _bodies(found: Sequence[nodes.Node]) -> Iterator[list[nodes.Node]]:
    """The bodies of all branches, in the order in which their tags are written.

    A body is given out before what is inside it; whoever changes it then does not change what comes after.
    """
    for node in found:
        match node:
            case nodes.If():
                for one in (node, *node.elif_):
                    inside = list(one.body)
                    yield one.body
                    yield from _bodies(inside)
                if node.else_:
                    inside = list(node.else_)
                    yield node.else_
                    yield from _bodies(inside)
            case nodes.For():
                yield from _bodies(list(node.body))
                if node.else_:
                    inside = list(node.else_)
                    yield node.else_
                    yield from _bodies(inside)
            case _:
                yield from _bodies(list(node.iter_child_nodes()))
