"""Faults in a file that a person wrote: the place, what was expected, and the nearest valid word.

A diagnostic is data; `render` prints it with the faulty text underlined, `to_dict` makes it JSON-ready.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_STEM = 5
"""Minimum letters of a prefix that counts for the whole word."""


class Severity(StrEnum):
    """An error stops the work; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one line of a file; line and column count from 1, length in characters."""

    path: str
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. `code` is stable: Y not YAML, R rule shape, A audience, T template, D data, P plan."""

    code: str
    message: str
    span: Span | None = None
    expected: str | None = None
    hint: str | None = None
    severity: Severity = Severity.ERROR

    def to_dict(self) -> dict[str, Any]:
        """The diagnostic as JSON-ready data."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "path": self.span.path if self.span else None,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
            "length": self.span.length if self.span else None,
            "message": self.message,
            "expected": self.expected,
            "hint": self.hint,
        }


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, or None when nothing is close."""
    found = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, candidates: Iterable[str], careful: Collection[str] = ()) -> str | None:
    """A hint sentence with the nearest candidate, or None.

    A word in `careful` has a serious effect: it is suggested only for a typing mistake, never because it resembles
    another valid word.
    """
    close = nearest(word, (each for each in candidates if each not in careful or is_slip(word, each)))
    return f"did you mean `{close}`?" if close else None


def is_slip(word: str, meant: str) -> bool:
    """Whether the word is a prefix of the other or differs by one letter (inserted, deleted, replaced, swapped)."""
    one, other = word.lower(), meant.lower()
    if one[:1] != other[:1]:  # the first letter is the one that is hardly ever wrong
        return False
    if one == other or (len(one) >= _STEM and other.startswith(one)):
        return True
    if len(one) == len(other):
        differ = [place for place in range(len(one)) if one[place] != other[place]]
        exchanged = len(differ) == 2 and one[differ[0]] == other[differ[1]] and one[differ[1]] == other[differ[0]]
        return len(differ) == 1 or (exchanged and differ[1] == differ[0] + 1)
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics by file, line and column; those without a place come first."""
    return sorted(
        diagnostics,
        key=lambda d: (
            (d.span.path, d.span.line, d.span.column) if d.span else ("", 0, 0),
            d.code,
        ),
    )


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """The diagnostics as text, each with its source line underlined. Sources: path → whole text."""
    return "\n\n".join(_render_one(d, sources) for d in in_order(diagnostics))


def _render_one(diagnostic: Diagnostic, sources: Mapping[str, str]) -> str:
    span = diagnostic.span
    head = f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    if span is None:
        return "\n".join([head, *_notes(diagnostic, "")])
    lines = [f"{span.path}:{span.line}:{span.column}: {head}"]
    text = sources.get(span.path, "").splitlines()
    gutter = " " * len(str(span.line))
    if 0 < span.line <= len(text):
        row = text[span.line - 1]
        before = "".join("\t" if c == "\t" else " " for c in row[: span.column - 1])
        width = max(1, min(span.length, len(row) - span.column + 1))
        lines.append(f"{gutter} |")
        if span.line > 1 and text[span.line - 2].strip():
            lines.append(f"{span.line - 1:>{len(gutter)}} | {text[span.line - 2]}")
        lines.append(f"{span.line} | {row}")
        lines.append(f"{gutter} | {before}{'^' * width}")
    lines.extend(_notes(diagnostic, gutter + " "))
    return "\n".join(lines)


def _notes(diagnostic: Diagnostic, indent: str) -> list[str]:
    notes = []
    if diagnostic.expected:
        notes.append(f"{indent}= expected: {diagnostic.expected}")
    if diagnostic.hint:
        notes.append(f"{indent}= help: {diagnostic.hint}")
    return notes
