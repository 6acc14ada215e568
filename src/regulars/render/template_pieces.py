"""A template cut into pieces: plain data and Jinja tags, each knowing the file, line and column it was written at.

Nothing here runs a template. The pieces, put together again, are the source to the character.
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
"""Characters of one tag."""
_CLOSED_BY = {"{{": "}}", "{%": "%}", "{#": "#}"}
_QUOTE_OR_END = {"{{": re.compile(r"""['"]|\}\}"""), "{%": re.compile(r"""['"]|%\}""")}
_RAW = re.compile(r"\{%[-+]?+\s*+raw\s*+[-+]?+%\}")
_ENDRAW = re.compile(r"\{%[-+]?+\s*+endraw\s*+[-+]?+%\}")
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


@lru_cache(maxsize=128)
def _breaks(text: str) -> Sequence[int]:
    """Where the lines of a text end."""
    return [found.start() for found in re.finditer("\n", text)]


@dataclass(frozen=True, slots=True)
class Origin:
    """A text and where its first character stands in a file."""

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
    """Where the tags of a text begin and end. What is never closed is no tag, and is looked for once only."""
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
    """Where the tag at `start` ends, or -1, and its kind; `closings` has the next closing of each sign."""
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
    """Where a tag ends: at its braces outside of quotes, or at the `first` if the quotes do not match."""
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
    """Behind the quote that ends a string; -1 if none does."""
    while True:
        closing, escape = text.find(quote, at, limit), text.find("\\", at, limit)
        if closing < 0 or escape < 0 or closing < escape:
            return closing + 1 if closing >= 0 else -1
        at = escape + 2


def skeleton(tags: Sequence[Piece]) -> str:
    """The tags alone, one a line: Jinja's line numbers then say which tag it means."""
    return "\n".join(p.text.replace("\n", " ") for p in tags)


def origin_of(piece: Piece) -> Origin:
    """The text of a piece and where it stands."""
    return Origin(piece.text, piece.span.path, piece.span.line, piece.span.column)


def unclosed(piece: Piece) -> Diagnostic | None:
    """What is wrong when data still holds an opening brace pair: a tag that nobody closed."""
    found = _OPENING.search(piece.text) if piece.kind is Kind.DATA else None
    if not found:
        return None
    here = origin_of(piece).span(found.start(), 2)
    closing = _CLOSED_BY[found[0]]
    return Diagnostic(
        "T002", f"`{found[0]}` is never closed", here, expected=f"`{closing}`, at most {MAX_TAG} characters on"
    )


def locate(text: str, path: str, fragment: str, start: int = 0) -> Span:
    """Where `fragment` stands in a file at or after `start`; the start itself when it is not found."""
    at = text.find(fragment, start)
    whole = Origin(text, path)
    return whole.span(at, len(fragment.split("\n", 1)[0])) if at >= 0 else whole.span(start)
