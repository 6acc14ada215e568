"""The report of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The kind of rows."""

    CUSTOMERS = "customers"
    PURCHASES = "purchases"
    PRODUCTS = "products"
    EVENTS = "events"
    APPOINTMENTS = "appointments"
    MANAGERS = "managers"
    COUPONS = "coupons"
    REDEMPTIONS = "redemptions"
    SUPPRESSIONS = "suppressions"
    ALIASES = "aliases"
    CONSENTS = "consents"
    PREFERENCES = "preferences"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class BadRow:
    """One fault in one row. A row with several faults is listed several times."""

    line: int
    """In a file the first line of the row, in a list its position; from 1."""
    column: str | None
    """As named by the source."""
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
    """The result of importing a file or a list.

    `rows` and `refused` count rows; `added`, `changed` and `unchanged` count the objects they describe,
    which are fewer for purchases of several rows.
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
    """The source's columns that were read, and their meaning."""
    ignored: Mapping[str, str | None]
    """The other columns, and the most similar name of each."""
    notes: tuple[str, ...] = ()
    """Notes that need no correction."""

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
