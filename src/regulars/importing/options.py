"""Options of an import: everything that the rows do not state themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from regulars.db.states import SuppressionReason
from regulars.importing.consent_columns import ConsentState
from regulars.rules.model import FieldType, Rulebook


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How rows are read, and defaults for missing values."""

    timezone: str = "UTC"
    """The company's zone, for times without an offset and dates alone."""
    locale: str | None = None
    country: str | None = None
    currency: str | None = None
    """The default for new rows."""
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    """The workspace's own fields of a client; their columns are read."""
    identity: Literal["id", "address"] = "id"
    """Whether clients of one address are joined, where names and birthdays do not differ."""
    events: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    """Declared events and the types of their data, `purchase` among them; columns of these names are read."""
    dates: Literal["dmy", "mdy", "excel"] | None = None
    """Resolves 03/04/2025, or 45123 as the day number of a spreadsheet; both are refused otherwise."""
    decimal: Literal[".", ","] | None = None
    """Resolves 1,234, which is refused otherwise."""
    scale: Mapping[str, Decimal] = field(default_factory=dict)
    """Factors of columns with amounts: 0.01 where they are in cents."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """The user's own statuses of orders: `paid`, `unpaid` or `refunded` (`order_status.ANSWERS`)."""
    consent: Mapping[str, ConsentState | None] = field(default_factory=dict)
    """The user's own words in columns about consent; None for words that say nothing about it."""
    encoding: str | None = None
    """Needed only where the file is neither UTF-8 nor marked UTF-16."""
    sheet: str | None = None
    """The sheet of a spreadsheet; needed only where several have data."""
    pool: str | None = None
    """The default for coupon codes."""
    reason: str = SuppressionReason.MANUAL
    scope: Literal["all", "marketing"] = "all"
    detail: str | None = None
    """Defaults for suppressed addresses."""
    source: str = "import"
    """The source recorded with consent from rows."""
    strict: bool = False
    """Whether an optional cell of a client that cannot be read refuses its row."""
    bad_rows: Path | None = None
    """Where refused rows are written, as JSON Lines that can be corrected and imported."""
    batch: int = 5_000
    """Rows per transaction."""


def options_for(rulebook: Rulebook) -> ImportOptions:
    """The options of a workspace; set others with `dataclasses.replace`."""
    company = rulebook.company
    return ImportOptions(
        timezone=company.timezone, currency=company.currency, fields=rulebook.fields, events=rulebook.events,
        identity=rulebook.policy.identity,
    )  # fmt: skip
