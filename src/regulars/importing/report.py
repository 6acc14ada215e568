"""What an import says afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What the rows are."""

    CUSTOMERS = "customers"
    PURCHASES = "purchases"
    PRODUCTS = "products"
    EVENTS = "events"
    APPOINTMENTS = "appointments"
    MANAGERS = "managers"
    COUPONS = "coupons"
    REDEMPTIONS = "redemptions"
    SUPPRESSIONS = "suppressions"


@dataclass(frozen=True, slots=True)
class BadRow:
    """One thing wrong in one row. A row with several of them is listed several times."""

    line: int
    """In a file the line that the row begins on, in a list its place; from 1."""
    column: str | None
    """As the source calls it."""
    value: str | None
    reason: str
    hint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fault as JSON-ready data."""
        return {
            "line": self.line,
            "column": self.column,
            "value": self.value,
            "reason": self.reason,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of a file or a list.

    `rows` and `refused` count its rows; `added`, `changed` and `unchanged` count what they describe,
    which for purchases of several rows is fewer.
    """

    kind: Kind
    rows: int
    added: int
    changed: int
    unchanged: int
    refused: int
    bad: list[BadRow]
    """The first thousand faults, by line."""
    bad_total: int
    columns: Mapping[str, str]
    """The source's columns that were read, and as what."""
    ignored: Mapping[str, str | None]
    """The others, and the name that each resembles."""
    notes: tuple[str, ...] = ()
    """What the person should know and need not mend."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready data."""
        return {
            "kind": str(self.kind),
            "rows": self.rows,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "bad": [fault.to_dict() for fault in self.bad],
            "bad_total": self.bad_total,
            "columns": dict(self.columns),
            "ignored": dict(self.ignored),
            "notes": list(self.notes),
        }
