"""How the files of one layout are read: what their columns and words mean, where that cannot be known from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from regulars.importing.consent_columns import ConsentState
from regulars.importing.options import ImportOptions


@dataclass(frozen=True, slots=True)
class Layout:
    """The options of `regulars import` that belong to a layout of files, of a profile or as somebody has answered."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    dates: Literal["dmy", "mdy", "excel"] | None = None
    decimal: Literal[".", ","] | None = None
    scale: Mapping[str, Decimal] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    consent: Mapping[str, ConsentState | None] = field(default_factory=dict)

    def over(self, other: Layout) -> Layout:
        """Both layouts; where they differ, this one."""
        return Layout(
            {**other.mapping, **self.mapping}, self.dates or other.dates, self.decimal or other.decimal,
            {**other.scale, **self.scale}, {**other.statuses, **self.statuses}, {**other.consent, **self.consent},
        )  # fmt: skip

    def applied(self, options: ImportOptions) -> ImportOptions:
        """The options with everything but the mapping, which is given beside them."""
        return replace(
            options, dates=self.dates, decimal=self.decimal, scale=self.scale, statuses=self.statuses,
            consent=self.consent,
        )  # fmt: skip
