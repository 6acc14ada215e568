"""Yes-or-no questions of an email about its client: `in_segment('best')`, `bought('wax', within='1 year')`, `did(…)`.

They are functions of conditions with constant arguments, so they are known before rendering: whoever renders looks the
answers up for all clients of a batch at once, and passes them in as `answers`, by the text of the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from regulars.core.diagnostics import Span
from regulars.render import scope
from regulars.render.question_calls import QUESTIONS, call_text
from regulars.render.template_pieces import Kind, Piece, origin_of, skeleton

_CALL = re.compile(rf"\b(?:{'|'.join(QUESTIONS)})\s*\(")


@dataclass(frozen=True, slots=True)
class Question:
    """One call; `text` is its condition, or None where an argument is not a constant."""

    text: str | None
    tag: Piece
    name: str

    def span(self, fragment: str | None = None) -> Span:
        """The place of a part of the call, or of its function."""
        at = self.tag.text.find(fragment) if fragment else -1
        found = re.search(rf"\b{self.name}\s*\(", self.tag.text)
        if at >= 0 and fragment:
            return origin_of(self.tag).span(at, len(fragment))
        return origin_of(self.tag).span(found.start(), len(self.name)) if found else self.tag.span


def questions_in(pieces: Sequence[Piece]) -> Iterator[Question]:
    """The questions of some pieces, in order. The pieces must be valid Jinja."""
    tags = [piece for piece in pieces if piece.kind in (Kind.PRINT, Kind.BLOCK)]
    if not any(_CALL.search(tag.text) for tag in tags):
        return
    for call in scope.parsed(skeleton(tags)).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in QUESTIONS:
            tag = tags[min(call.lineno, len(tags)) - 1]
            yield Question(_text(call, call.node.name), tag, call.node.name)


def _text(call: nodes.Call, name: str) -> str | None:
    given = [*call.args, *(keyword.value for keyword in call.kwargs)]
    if call.dyn_args is not None or call.dyn_kwargs is not None or not all(isinstance(e, nodes.Const) for e in given):
        return None
    arguments = [each.value for each in call.args if isinstance(each, nodes.Const)]
    named: Mapping[str, Any] = {k.key: k.value.value for k in call.kwargs if isinstance(k.value, nodes.Const)}
    return call_text(name, arguments, named)
