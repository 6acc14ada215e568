"""A template split into pieces: plain text and Jinja tags, each with its file, line and column.

Nothing here runs a template. The joined pieces equal the source.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from regulars.core.diagnostics import Diagnostic, Span

MAX_TAG = 5000
"""Maximum characters of one tag."""
_CLOSED_BY = {"{{": "}}", "{%": "%}", "{#": "#}"}
_QUOTE_OR_END = {"{{": re.compile(r"""['"]|\}\}"""), "{%": re.compile(r"""['"]|%\}""")}
_RAW = re.compile(r"\{%[-+]?+\s*+raw\s*+[-+]?+%\}")
_ENDRAW = re.compile(r"\{%[-+]?+\s*+endraw\s*+[-+]?+%\}")
_OPENING = re.compile(r"\{\{|\{%|\{#")
_WORD = re.compile(r"\{\{-?\s*t\s*\.\s*(\w+)\s*-?\}\}")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")


class Kind(StrEnum):
    """The kind of a piece; `raw` is a whole `{% raw %}…{% endraw %}`."""

    DATA = "data"
    PRINT = "print"
    BLOCK = "block"
    COMMENT = "comment"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the template text; `word` marks text from a words file that is not yet escaped."""

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


@lru_cache(maxsize=128)
def _breaks(text: str) -> Sequence[int]:
    """The ends of the lines of a text."""
    return [found.start() for found in re.finditer("\n", text)]


@dataclass(frozen=True, slots=True)
class Origin:
    """A text and the place of its first character in a file."""

    text: str
    path: str
    line: int = 1
    column: int = 1

    def span(self, offset: int, length: int = 1) -> Span:
        """The place of the character at `offset`."""
        breaks = _breaks(self.text)
        row = bisect_left(breaks, offset)
        if row == 0:
            return Span(self.path, self.line, self.column + offset, length)
        return Span(self.path, self.line + row, offset - breaks[row - 1], length)


def cut(origin: Origin, *, word: bool = False) -> Iterator[Piece]:
    """The pieces of a text, in order."""
    at = 0
    for start, end, kind in _tags(origin.text):
        if start > at:
            yield Piece(Kind.DATA, origin.text[at:start], origin.span(at), word)
        text = origin.text[start:end]
        yield Piece(kind, text, origin.span(start, len(text.split("\n", 1)[0])), word)
        at = end
    if at < len(origin.text):
        yield Piece(Kind.DATA, origin.text[at:], origin.span(at), word)


def _tags(text: str) -> Iterator[tuple[int, int, Kind]]:
    """The ranges of the tags in a text. An unclosed tag is none, and is searched for only once."""
    at = 0
    closings: dict[str, int] = {}
    while found := _OPENING.search(text, at):
        sign, start = found[0], found.start()
        end, kind = _end(text, start, sign, closings)
        if end < 0:
            at = start + 1
            continue
        yield start, end, kind
        at = end


def _end(text: str, start: int, sign: str, closings: dict[str, int]) -> tuple[int, Kind]:
    """The end of the tag at `start`, or -1, and its kind; `closings` has the next closing of each sign."""
    begin = start + 2
    if closings.get(sign, begin) < begin or sign not in closings:
        found = text.find(_CLOSED_BY[sign], begin)
        closings[sign] = found if found >= 0 else len(text)
    first = closings[sign]
    if sign == "{#":
        return (first + 2 if first < len(text) else -1), Kind.COMMENT
    raw = _RAW.match(text, start)
    if raw and "raw" not in closings:
        closing = _ENDRAW.search(text, raw.end())
        if closing:
            return closing.end(), Kind.RAW
        closings["raw"] = len(text)
    end = _tag_end(text, begin, sign, first) if first < min(len(text), begin + MAX_TAG) else -1
    return end, Kind.PRINT if sign == "{{" else Kind.BLOCK


def _tag_end(text: str, at: int, sign: str, first: int) -> int:
    """The end of a tag: its braces outside quotes, or the `first` ones if the quotes do not match."""
    limit, marks = min(len(text), at + MAX_TAG), _QUOTE_OR_END[sign]
    while found := marks.search(text, at, limit):
        if found[0] not in "'\"":
            return found.end()
        closing = _string_end(text, found.end(), limit, found[0])
        if closing < 0:
            break
        at = closing
    return first + 2


def _string_end(text: str, at: int, limit: int, quote: str) -> int:
    """The position after the quote that ends a string; -1 if none does."""
    while True:
        closing, escape = text.find(quote, at, limit), text.find("\\", at, limit)
        if closing < 0 or escape < 0 or closing < escape:
            return closing + 1 if closing >= 0 else -1
        at = escape + 2


def skeleton(tags: Sequence[Piece]) -> str:
    """The tags alone, one per line, so that Jinja's line numbers identify the tag."""
    return "\n".join(p.text.replace("\n", " ") for p in tags)


def origin_of(piece: Piece) -> Origin:
    """The text of a piece and its place."""
    return Origin(piece.text, piece.span.path, piece.span.line, piece.span.column)


def unclosed(piece: Piece) -> Diagnostic | None:
    """The fault of a text with an opening brace pair: an unclosed tag."""
    found = _OPENING.search(piece.text) if piece.kind is Kind.DATA else None
    if not found:
        return None
    here = origin_of(piece).span(found.start(), 2)
    closing = _CLOSED_BY[found[0]]
    return Diagnostic(
        "T002", f"`{found[0]}` is never closed", here, expected=f"`{closing}`, at most {MAX_TAG} characters on"
    )


def locate(text: str, path: str, fragment: str, start: int = 0) -> Span:
    """The place of `fragment` in a file at or after `start`; `start` if it is not found."""
    at = text.find(fragment, start)
    whole = Origin(text, path)
    return whole.span(at, len(fragment.split("\n", 1)[0])) if at >= 0 else whole.span(start)
