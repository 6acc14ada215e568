"""A template cut into pieces: plain data and Jinja tags, each knowing the file, line and column it was written at.

Nothing here runs a template. The pieces, put together again, are the source to the character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from regulars.core.diagnostics import Diagnostic, Span

_QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_TAG = re.compile(
    r"(?P<comment>\{\#.*?\#\})"
    r"|(?P<raw>\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\})"
    rf"|(?P<print>\{{\{{(?:{_QUOTED}|(?!\}}\}}).)*\}}\}})"
    rf"|(?P<block>\{{%(?:{_QUOTED}|(?!%\}}).)*%\}})",
    re.DOTALL,
)
_OPENING = re.compile(r"\{\{|\{%|\{#")
_WORD = re.compile(r"\{\{-?\s*t\s*\.\s*(\w+)\s*-?\}\}")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")


class Kind(StrEnum):
    """What a piece is; `raw` is a whole `{% raw %}…{% endraw %}`."""

    DATA = "data"
    PRINT = "print"
    BLOCK = "block"
    COMMENT = "comment"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of template text; `word` marks text that came from a words file and is not yet escaped."""

    kind: Kind
    text: str
    span: Span
    word: bool = False

    @property
    def word_name(self) -> str | None:
        """`heading` for `{{ t.heading }}`, else None."""
        found = _WORD.fullmatch(self.text) if self.kind is Kind.PRINT else None
        return found[1] if found else None

    @property
    def statement(self) -> str:
        """`for` for `{% for x in y %}`, else an empty string."""
        found = _STATEMENT.match(self.text) if self.kind is Kind.BLOCK else None
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Origin:
    """A text and where its first character stands in a file."""

    text: str
    path: str
    line: int = 1
    column: int = 1

    def span(self, offset: int, length: int = 1) -> Span:
        """The place of the character at `offset`."""
        row = self.text.count("\n", 0, offset)
        if row == 0:
            return Span(self.path, self.line, self.column + offset, length)
        return Span(self.path, self.line + row, offset - self.text.rfind("\n", 0, offset), length)


def cut(origin: Origin, *, word: bool = False) -> Iterator[Piece]:
    """The pieces of a text, in order."""
    at = 0
    for found in _TAG.finditer(origin.text):
        if found.start() > at:
            yield Piece(Kind.DATA, origin.text[at : found.start()], origin.span(at), word)
        length = len(found[0].split("\n", 1)[0])
        yield Piece(Kind(found.lastgroup or "data"), found[0], origin.span(found.start(), length), word)
        at = found.end()
    if at < len(origin.text):
        yield Piece(Kind.DATA, origin.text[at:], origin.span(at), word)


def skeleton(tags: Sequence[Piece]) -> str:
    """The tags alone, one a line: Jinja's line numbers then say which tag it means."""
    return "\n".join(p.text.replace("\n", " ") for p in tags)


def unclosed(piece: Piece) -> Diagnostic | None:
    """What is wrong when data still holds an opening brace pair: a tag that nobody closed."""
    found = _OPENING.search(piece.text) if piece.kind is Kind.DATA else None
    if not found:
        return None
    here = Origin(piece.text, piece.span.path, piece.span.line, piece.span.column).span(found.start(), 2)
    closing = {"{{": "}}", "{%": "%}", "{#": "#}"}[found[0]]
    return Diagnostic("T002", f"`{found[0]}` is never closed", here, expected=f"`{closing}`")


def locate(text: str, path: str, fragment: str, start: int = 0) -> Span:
    """Where `fragment` stands in a file at or after `start`; the start itself when it is not found."""
    at = text.find(fragment, start)
    whole = Origin(text, path)
    return whole.span(at, len(fragment.split("\n", 1)[0])) if at >= 0 else whole.span(start)
