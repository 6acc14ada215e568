"""The effects of all campaigns with a control group: on how many reach the goal, and on the value they bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from regulars.db.tables import campaigns
from regulars.insights.attribution import Period
from regulars.insights.lift import Lift, lift
from regulars.insights.value_lift import ValueLift, value_lift
from regulars.rules.model import Rulebook


@dataclass(frozen=True, slots=True)
class GoalEffect:
    """Of one campaign and its first goal; `values` by currency."""

    campaign: str
    share: Lift
    values: Sequence[ValueLift]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "campaign": self.campaign, "share": self.share.to_json(),
            "values": [value.to_json() for value in self.values],
        }  # fmt: skip


def goal_effects(connection: Connection, rulebook: Rulebook, period: Period) -> list[GoalEffect]:
    """Of the campaigns with a goal and a holdout, of the clients drawn in the period."""
    keys = {str(name): str(key) for key, name in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    now, bounds = period.now, {"since": period.since, "until": period.until}
    return [
        GoalEffect(
            name,
            lift(connection, rulebook, keys[name], campaign, now, **bounds),
            value_lift(connection, rulebook, keys[name], campaign, now, **bounds),
        )
        for name, campaign in sorted(rulebook.campaigns.items())
        if campaign.goal is not None and campaign.holdout and name in keys
    ]
