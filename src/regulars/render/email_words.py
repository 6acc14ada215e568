"""The words of an email in one language: a flat YAML mapping, each value a short Jinja text with its place.

Words are plain text: a line break is a line break, an empty line starts a new paragraph. Markup in them is
shown as typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import Invalid
from regulars.render.template_pieces import Origin, Piece, cut
from regulars.render.yaml_file import compose


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its name, text, the place of its name, and the file it came from."""

    name: str
    text: str
    span: Span
    file: str
    start: int

    def pieces(self) -> list[Piece]:
        """The word cut into pieces whose places are those in the YAML file."""
        pieces, at = [], self.start
        for piece in cut(Origin(self.text, self.span.path), word=True):
            found = self.file.find(piece.text.split("\n", 1)[0], at)
            at = found if found >= 0 else at
            place = Origin(self.file, self.span.path).span(at, piece.span.length)
            pieces.append(Piece(piece.kind, piece.text, place, word=True))
            at = at + len(piece.text) if found >= 0 else at
        return pieces


def read(text: str, path: str) -> dict[str, Word]:
    """The words of a file by name. Raises Invalid with every fault of the file."""
    node = compose(text, path)
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise Invalid([_fault("words are a mapping of name to text", node, path)], {path: text})
    words: dict[str, Word] = {}
    faults: list[Diagnostic] = []
    for key, value in node.value:
        fault = _wrong(key, value, words, path)
        if fault:
            faults.append(fault)
            continue
        span = Span(path, key.start_mark.line + 1, key.start_mark.column + 1, len(key.value))
        words[key.value] = Word(key.value, value.value.strip(), span, text, value.start_mark.index)
    if faults:
        raise Invalid(faults, {path: text})
    return words


def _wrong(key: yaml.Node, value: yaml.Node, words: Mapping[str, Word], path: str) -> Diagnostic | None:
    if not isinstance(key, yaml.ScalarNode) or not str(key.value).isidentifier():
        return _fault("a word's name is letters, digits and `_`", key, path)
    if key.value in words:
        return _fault(f"the word `{key.value}` is written twice", key, path)
    if not isinstance(value, yaml.ScalarNode):
        if isinstance(value, yaml.MappingNode):
            return _fault(f"`{key.value}` is not text", value, path, "put quotes around text that starts with `{{`")
        return _fault(f"`{key.value}` is not text", value, path)
    if value.tag in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"):
        return _fault(
            f"YAML reads `{value.value}` as a {value.tag.rsplit(':')[-1]}, not as a word",
            value,
            path,
            "put it in quotes",
        )
    return None


def _fault(message: str, node: yaml.Node, path: str, hint: str | None = None) -> Diagnostic:
    width = node.end_mark.column - node.start_mark.column if node.end_mark.line == node.start_mark.line else 1
    span = Span(path, node.start_mark.line + 1, node.start_mark.column + 1, max(1, width))
    return Diagnostic("T015", message, span, hint=hint)
