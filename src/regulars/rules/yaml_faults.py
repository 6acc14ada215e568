"""The YAML parser's errors in words for people who do not know YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from regulars.core.diagnostics import Diagnostic, Span

_STRANGE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_INDENT = re.compile(r"^ *\t")

_QUOTE = "put the whole text in quotes"
_TABLE: tuple[tuple[str, str, str | None], ...] = (
    (
        "mapping values are not allowed",
        "a `:` cannot stand here",
        "put text that contains `: ` in quotes, or check that the line above is complete and indented alike",
    ),
    ("could not find expected ':'", "this line has no `key: value`", "add the `:`, or indent it under its key"),
    ("unknown escape character", "this `\\` sequence is not known", "use single quotes, or write `\\\\`"),
    ("anchor", "an anchor or alias needs a name of letters and digits", "text that begins with `&` goes in quotes"),
    ("alias", "an alias needs a name of letters and digits", "text that begins with `*` goes in quotes"),
    ("block scalar", "after `|` or `>` the text begins on the next line", None),
    ("'-' indicator", "this line is not an item of the list above", "begin it with `- `, or indent it alike"),
    ("<block end>", "this line is not an item of the list above", "begin it with `- `, or indent it alike"),
    ("directive", "a line that begins with `%` is a YAML directive", "put it in quotes if it is text"),
)


def strange_characters(text: str, path: str) -> Iterator[Diagnostic]:
    """A diagnostic for the first invalid character of each line: control characters and the like."""
    if not _STRANGE.search(text):
        return
    for number, row in enumerate(re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text), 1):
        found = _STRANGE.search(row)
        if found:
            message = f"U+{ord(found[0]):04X} is a control character, not text"
            yield Diagnostic("Y008", message, Span(path, number, found.start() + 1), hint="delete it")


def syntax(error: yaml.MarkedYAMLError, path: str, lines: Sequence[str], last: Any) -> list[Diagnostic]:
    """The parser's error as diagnostics: tabs in the indentation come first, because they cause the others."""
    mark = error.problem_mark or error.context_mark
    if "expected ':'" in str(error.problem):  # the line without it is where the key began
        mark = error.context_mark or mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    tabs = [n for n, row in enumerate(lines[: line + 1]) if _INDENT.match(row) and row.strip()]
    if tabs:
        return [_tab(path, lines, n) for n in tabs]
    context, problem = str(error.context or ""), str(error.problem or "")
    if line >= len(lines) and lines:  # the end of the file: point at its last line
        line, column = len(lines) - 1, max(0, len(lines[-1]) - 1)
    opened = _opened(error, context, problem)
    begin = error.context_mark or mark
    if opened and begin:
        line, column = _opening(opened[0], begin.line, begin.column, lines)
        return [Diagnostic("Y001", opened[0], Span(path, line + 1, column + 1), hint=opened[1])]
    message, hint = _message(context, problem, lines, line, column, last)
    return [Diagnostic("Y001", message, Span(path, line + 1, column + 1, _width(lines, line, column)), hint=hint)]


def _opening(message: str, line: int, column: int, lines: Sequence[str]) -> tuple[int, int]:
    """Where the parser says that it was opened; of an empty last one it only knows the end of the file."""
    if line < len(lines) or not lines:
        return line, column
    sign = next((sign for sign in "[{" if f"`{sign}`" in message), "")
    last = max((number for number, row in enumerate(lines) if sign and sign in row), default=len(lines) - 1)
    return last, max(0, lines[last].rfind(sign)) if sign else 0


def follows_from(diagnostic: Diagnostic, broken: Sequence[Diagnostic]) -> bool:
    """Whether an unclosed bracket before it causes it: then the bracket is the fault."""
    if diagnostic.code != "Y011" or diagnostic.span is None:
        return False
    here = (diagnostic.span.line, diagnostic.span.column)
    return any(d.span is not None and (d.span.line, d.span.column) <= here for d in broken)


def _tab(path: str, lines: Sequence[str], line: int) -> Diagnostic:
    row = lines[line]
    column = row.index("\t")
    length = len(row) - len(row.lstrip()) - column
    return Diagnostic(
        "Y002", "a tab indents this line", Span(path, line + 1, column + 1, length), hint="indent with spaces"
    )


def _opened(error: yaml.MarkedYAMLError, context: str, problem: str) -> tuple[str, str] | None:
    """The message for something unclosed; its opening is the place to show."""
    if ("end of stream" in problem and "quoted" in context) or "document indicator" in problem:
        return "this quotation mark is never closed", "close it on the same line"
    if error.context_mark is None or "flow" not in context or "expected" not in problem:
        return None
    bracket, close = ("[", "]") if "sequence" in context else ("{", "}")
    return f"this `{bracket}` is never closed by `{close}`", "close it, and put `,` between what is inside"


def _message(
    context: str, problem: str, lines: Sequence[str], line: int, column: int, last: Any
) -> tuple[str, str | None]:
    both = f"{context}: {problem}"
    if "cannot start any token" in problem and line < len(lines):
        return f"text cannot begin with `{lines[line][column]}`", _QUOTE
    if getattr(last, "style", None) in ("'", '"') and last.end_mark.line == line:
        return "there is more text after the closing quotation mark", _QUOTE
    for pattern, message, hint in _TABLE:
        if pattern in both:
            return message, hint
    if "block mapping" in context:
        return "this line does not fit the keys above it", "indent it exactly like the keys it belongs to"
    return f"this is not YAML: {problem or context}", None


def _width(lines: Sequence[str], line: int, column: int) -> int:
    if line >= len(lines):
        return 1
    word = re.match(r"[\w.*-]+", lines[line][column:])
    return len(word[0]) if word else 1
