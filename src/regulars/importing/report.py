"""What an import is asked to do, and what it says afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from regulars.rules.model import FieldType


class Kind(StrEnum):
    """What the rows of a file are."""

    CUSTOMERS = "customers"
    PURCHASES = "purchases"
    PRODUCTS = "products"
    EVENTS = "events"
    APPOINTMENTS = "appointments"
    MANAGERS = "managers"
    COUPONS = "coupons"
    REDEMPTIONS = "redemptions"


@dataclass(frozen=True, slots=True)
class Options:
    """What a file does not say about itself."""

    timezone: str = "UTC"
    """The company's zone: where a time without an offset, or a bare date, is meant."""
    locale: str | None = None
    country: str | None = None
    currency: str | None = None
    """For new rows that state none."""
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    """The workspace's own fields of a client; their columns are read."""
    events: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    """Declared events and the types of their data, `purchase` among them; columns of these names are read."""
    dates: Literal["dmy", "mdy"] | None = None
    """Settles 03/04/2025, which is refused otherwise."""
    decimal: Literal[".", ","] | None = None
    """Settles 1,234, which is refused otherwise."""
    encoding: str | None = None
    """Needed only where the file is neither UTF-8 nor marked UTF-16."""
    pool: str | None = None
    """For coupon codes that state none."""
    source: str = "import"
    """How consent found in the file is written down."""
    bad_rows: Path | None = None
    """Where refused rows are written, as JSON Lines that can be mended and imported."""
    batch: int = 5_000
    """Rows to a transaction."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """One thing wrong in one row. A row with several of them is listed several times."""

    line: int
    column: str | None
    """As the file calls it."""
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
    """What came of a file.

    `rows` and `refused` count rows of the file; `added`, `changed` and `unchanged` count what they describe,
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
    """The file's columns that were read, and as what."""
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
