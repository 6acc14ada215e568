"""A rule file as a tree of nodes with source positions.

Scalars stay the text as typed: `20:00-09:00` is no number, `on` and `no` are no booleans. A node's span
is exact, so that a fault at character 12 of a condition is underlined there and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from regulars.core.diagnostics import Span

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}

Loc = tuple[str | int, ...]
"""The location of a value: ("campaigns", "win-back", "steps", 0, "if")."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar. `raw` is its source between the quotes, which begins at `origin` (line, column)."""

    text: str
    span: Span
    plain: bool = True
    raw: str = ""
    origin: tuple[int, int] = (1, 1)

    @property
    def null(self) -> bool:
        """Whether it is null: an empty value, `~` or `null`."""
        return self.plain and self.text in ("", "~", "null")

    @property
    def value(self) -> Any:
        """The text as null, true, false, int or float if it is unquoted and one of them, else unchanged."""
        if not self.plain:
            return self.text
        if self.text in _WORDS:
            return _WORDS[self.text]
        if _INT.fullmatch(self.text):
            return int(self.text)
        return float(self.text) if _FLOAT.fullmatch(self.text) else self.text

    def part(self, offset: int, length: int = 1) -> Span:
        """The place of the characters [offset, offset + length) of the text, in the file."""
        if self.raw == self.text:
            here = self.span.column + min(offset, len(self.text))
            return Span(self.span.path, self.span.line, here, max(1, length))
        if (self.raw[:1] == '"' and "\\" in self.raw) or (self.raw[:1] == "'" and "''" in self.raw[1:-1]):
            return self.span
        return self._aligned(offset, max(1, length))

    def _aligned(self, offset: int, length: int) -> Span:
        # Folding changes white space only, so the n-th visible character is the same on both sides.
        target = sum(not c.isspace() for c in self.text[:offset])
        line, column = self.origin
        skip = self.raw[:1] in ("|", ">", '"', "'")
        seen = 0
        for number, row in enumerate(self.raw.splitlines()):
            begin = 0
            if skip and number == 0:
                begin = len(row) if self.raw[0] in "|>" else 1
            left = column if number == 0 else 1
            for index in range(begin, len(row)):
                if row[index].isspace():
                    continue
                if seen == target:
                    return Span(self.span.path, line + number, left + index, min(length, len(row) - index))
                seen += 1
        return self.span


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place, and the value under it."""

    key: Span
    value: Node


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, in source order."""

    entries: dict[str, Entry]
    span: Span


Node = Scalar | Items | Entries


def data(node: Node, *, typed: bool = False) -> Any:
    """The node as plain lists, dicts and text; with `typed`, numbers and booleans as such. Null is None."""
    match node:
        case Scalar():
            if typed:
                return node.value
            return None if node.null else node.text
        case Items():
            return [data(item, typed=typed) for item in node.items]
        case Entries():
            return {key: data(entry.value, typed=typed) for key, entry in node.entries.items()}


def child(node: Node | None, part: str | int) -> Node | None:
    """The value under a key or at a position, or None."""
    if isinstance(node, Entries) and part in node.entries:
        return node.entries[str(part)].value
    if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def find(node: Node | None, loc: Loc) -> Node | None:
    """The value at `loc`, or None."""
    for part in loc:
        node = child(node, part)
    return node


def key_span(node: Node | None, loc: Loc) -> Span | None:
    """The place of the last key of `loc`; for a list's item, the item's span."""
    parent = find(node, loc[:-1])
    if loc and isinstance(parent, Entries) and loc[-1] in parent.entries:
        return parent.entries[str(loc[-1])].key
    here = find(node, loc)
    return here.span if here else None


def spans(node: Node, loc: Loc = (), key: Span | None = None) -> Iterator[tuple[Loc, Span]]:
    """Every value with its place: a scalar's is its text, a mapping's or list's the key that leads to it."""
    match node:
        case Scalar():
            yield loc, key if node.null and key else node.span
        case Items():
            yield loc, key or node.span
            for index, item in enumerate(node.items):
                yield from spans(item, (*loc, index))
        case Entries():
            yield loc, key or node.span
            for name, entry in node.entries.items():
                yield from spans(entry.value, (*loc, name), entry.key)


def found(node: Node | None) -> str:
    """The kind of a node, in words for a message."""
    match node:
        case Scalar():
            return "nothing" if node.null else f"`{shorten(node.text)}`"
        case Items():
            return "an empty list" if not node.items else f"a list of {len(node.items)}"
        case Entries():
            keys = ", ".join(f"`{key}`" for key in list(node.entries)[:3])
            return f"keys ({keys}{', …' if len(node.entries) > 3 else ''})" if keys else "an empty mapping"
    return "nothing"


def shorten(text: str, limit: int = 60) -> str:
    """The text on one line, cut with an ellipsis if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
