"""Which variant of a campaign a client gets, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from regulars.audience.clause_words import day
from regulars.context.active_campaign import ActiveCampaign
from regulars.ledger.arms import arm_of_client
from regulars.ledger.assignments import Arm


@dataclass(frozen=True, slots=True)
class DrawnVariant:
    """`arm` is the client's group, drawn at `drawn_at`, or None if it is only foretold.

    `name` is the variant that the client's emails have; None where the rule has no such variant.
    """

    arm: str
    drawn_at: datetime | None
    name: str | None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        drawn_at = None if self.drawn_at is None else self.drawn_at.isoformat()
        return {"arm": self.arm, "drawn_at": drawn_at, "name": self.name}

    def sentence(self, zone: str) -> str:
        """In words; days are those of the zone."""
        if self.drawn_at is None:
            group = "the control group" if self.arm == Arm.CONTROL else f"the variant `{self.arm}`"
            return f"Not drawn yet; it will be {group}, when nothing else keeps the first email back."
        on = f"on {day(self.drawn_at, zone)}, for good"
        if self.name is not None:
            return f"In the variant `{self.name}`: drawn {on}."
        if self.arm == Arm.CONTROL:
            return f"In the control group: drawn {on}."
        if self.arm == Arm.WRITTEN:
            return f"Drawn {on}, before there were variants: the emails stay without one."
        return f"Drawn {on}, into `{self.arm}`, which the rule no longer has: the emails are without a variant."


def drawn_variant(connection: Connection, active: ActiveCampaign, customer_id: int) -> DrawnVariant | None:
    """The client's variant; None for a campaign without variants."""
    if not active.campaign.variants:
        return None
    arm, drawn_at = arm_of_client(connection, active.key, active.campaign, customer_id)
    return DrawnVariant(arm, drawn_at, active.campaign.for_arm(arm).variant)
