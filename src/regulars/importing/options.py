"""What an import is asked to do: everything that the rows do not say about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from regulars.db.states import SuppressionReason
from regulars.rules.model import FieldType, Rulebook


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How rows are read, and what holds for those that do not say."""

    timezone: str = "UTC"
    """The company's zone: where a time without an offset, or a bare date, is meant."""
    locale: str | None = None
    country: str | None = None
    currency: str | None = None
    """For new rows that state none."""
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    """The workspace's own fields of a client; their columns are read."""
    identity: Literal["id", "address"] = "id"
    """Whether clients of one address are joined, where names and birthdays do not differ."""
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
    reason: str = SuppressionReason.MANUAL
    scope: Literal["all", "marketing"] = "all"
    detail: str | None = None
    """For suppressed addresses that state none."""
    source: str = "import"
    """How consent that the rows state is written down."""
    bad_rows: Path | None = None
    """Where refused rows are written, as JSON Lines that can be mended and imported."""
    batch: int = 5_000
    """Rows to a transaction."""


def options_for(rulebook: Rulebook) -> ImportOptions:
    """The options of a workspace; what else an import states is added by `dataclasses.replace`."""
    company = rulebook.company
    return ImportOptions(
        timezone=company.timezone, currency=company.currency, fields=rulebook.fields, events=rulebook.events,
        identity=rulebook.policy.identity,
    )  # fmt: skip
