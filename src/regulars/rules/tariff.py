"""The section `points`: how clients earn points, and the levels that the sum opens."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from regulars.rules.phrase_types import Part

MOST = 1_000_000
"""The maximum of points per unit; a level may require up to a thousand times as many."""


class Points(Part):
    """How clients earn points; omitted keys give none."""

    per_currency_unit: Decimal = Field(
        default=Decimal(0), ge=0, le=1000, decimal_places=4, description="For each unit of money spent, such as `0.5`"
    )
    per_visit: int = Field(default=0, ge=0, le=MOST, description="For each purchase after the first")
    per_referral: int = Field(default=0, ge=0, le=MOST, description="For each `referral.bought`")
    levels: Mapping[str, Annotated[int, Field(ge=1, le=1000 * MOST)]] = Field(
        default_factory=dict,
        description="The levels, with the points ever earned that open them: `{silver: 100, gold: 500}`",
    )

    @property
    def ascending(self) -> list[tuple[str, int]]:
        """The levels, the lowest first."""
        return sorted(self.levels.items(), key=lambda level: level[1])
