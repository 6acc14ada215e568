"""Where rows come from: a file is one source, a list of mappings another. Each row has its number, for the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import Invalid

LONGEST = 1_048_576
"""Characters of one row as JSON; a longer one is no row of a client."""
TOO_LONG = ("is longer than a million characters", None)
Unit = Literal["line", "row"]


@dataclass(frozen=True, slots=True)
class Record:
    """One row as its source has it: its number, and its cells by column."""

    line: int
    """In a file the line that it begins on, in a list its place; from 1."""
    cells: Mapping[str, Any] = field(default_factory=dict)
    fault: tuple[str, str | None] | None = None
    """Reason and hint, when the row cannot be taken apart."""


class RowSource(ABC):
    """Gives the records of one import, once and in order; holds one at a time."""

    path: Path | None = None
    """The file that diagnostics name."""
    unit: Unit = "line"
    """What the number of a record counts."""
    has: str = "the file has"
    """How a sentence about the whole begins."""
    header: Sequence[str] | None = None
    """The columns, where they are known beforehand; None where each row names its own cells."""

    @abstractmethod
    def __iter__(self) -> Iterator[Record]: ...

    def diagnostic(
        self, code: str, message: str, *, line: int = 1, hint: str | None = None, expected: str | None = None
    ) -> Diagnostic:
        """What is wrong with the source as a whole, and in a file on which line."""
        span = Span(str(self.path), line, 1) if self.path else None
        return Diagnostic(code, message, span, hint=hint, expected=expected)


class MappingSource(RowSource):
    """Rows that a program has at hand, as JSON would have them, say the body of a request. Raises Invalid for none."""

    unit = "row"
    has = "the rows have"

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Record]:
        number = 0
        for number, row in enumerate(self._rows, 1):
            yield Record(number, row, _fault(row))
        if not number:
            raise Invalid([self.diagnostic("D001", "there are no rows")])


def _fault(row: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """What keeps the mapping from being a row of a JSON Lines file."""
    try:
        written = orjson.dumps(row, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError as error:
        return f"is not JSON: {error}", None
    return TOO_LONG if len(written) >= LONGEST and len(written.decode()) >= LONGEST else None
