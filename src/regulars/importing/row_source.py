"""Sources of rows: a file, or a list of mappings. Each row has its number, for the report."""

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
"""Maximum characters of one row as JSON."""
TOO_LONG = ("is longer than a million characters", None)
Unit = Literal["line", "row"]


@dataclass(frozen=True, slots=True)
class Record:
    """One raw row: its number, and its cells by column."""

    line: int
    """In a file its first line, in a list its position; from 1."""
    cells: Mapping[str, Any] = field(default_factory=dict)
    fault: tuple[str, str | None] | None = None
    """Reason and hint, when the row cannot be parsed."""


class RowSource(ABC):
    """Yields the records of one import, once and in order, one at a time."""

    path: Path | None = None
    """The file that diagnostics name."""
    unit: Unit = "line"
    """The unit of record numbers."""
    has: str = "the file has"
    """The beginning of a sentence about the source."""
    notes: Sequence[str] = ()
    """What was left out around the rows."""
    header: Sequence[str] | None = None
    """The columns, if known beforehand; None if each row names its own cells."""

    @abstractmethod
    def __iter__(self) -> Iterator[Record]: ...

    def again(self) -> Iterator[Record] | None:
        """The records from the beginning, beside the running reading; None where they cannot be had twice."""
        return None

    def diagnostic(
        self, code: str, message: str, *, line: int = 1, hint: str | None = None, expected: str | None = None
    ) -> Diagnostic:
        """A fault of the source as a whole, with the line in a file."""
        span = Span(str(self.path), line, 1) if self.path else None
        return Diagnostic(code, message, span, hint=hint, expected=expected)


class MappingSource(RowSource):
    """Rows of JSON values in memory, such as the body of a request. Raises Invalid for an empty list."""

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

    def again(self) -> Iterator[Record] | None:
        return iter(MappingSource(self._rows)) if isinstance(self._rows, Sequence) else None


def _fault(row: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Why the mapping is not valid as a row of a JSON Lines file."""
    try:
        written = orjson.dumps(row, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError as error:
        return f"is not JSON: {error}", None
    return TOO_LONG if len(written) >= LONGEST and len(written.decode()) >= LONGEST else None
