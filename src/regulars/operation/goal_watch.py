"""Goals that clients reached since the last plan, told to other programs once each.

Every campaign whose `goal` followed its email in time is told, as the report counts claims; the message says whether
another campaign wrote later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from regulars.context.active_campaign import ActiveCampaign
from regulars.insights.goals_reached import GoalReached, goals_reached
from regulars.ledger.webhook_outbox import OutboxEvent, add_events
from regulars.rules.model import Rulebook
from regulars.rules.notify_rules import OutboundEvent

_OVERLAP = timedelta(hours=1)
"""What was received so long before the last plan is looked at again: its transaction may have ended later."""


def add_goals_reached(
    connection: Connection, book: Rulebook, active_campaigns: Mapping[str, ActiveCampaign], now: datetime
) -> int:
    """Tells of goals that have been received since the campaigns' last plan; returns the number of new messages."""
    planned = {
        active.key: active.planned_at
        for active in active_campaigns.values()
        if active.planned_at is not None and active.campaign.goals and _wanted(book, active.campaign.name)
    }
    if not planned:
        return 0
    found = goals_reached(connection, book, min(planned.values()) - _OVERLAP, now)
    return add_events(connection, [_message(one) for one in found if one.stated and one.key in planned])


def _wanted(book: Rulebook, campaign: str) -> bool:
    return any(one.wants(OutboundEvent.GOAL_REACHED, campaign) for one in book.notify.values())


def _message(one: GoalReached) -> OutboxEvent:
    data = {"goal": str(one.goal), one.goal.event: one.event, "last_email": one.is_last}
    data |= {} if one.value is None else {"value": str(one.value)}
    data |= {} if one.currency is None else {"currency": one.currency}
    return OutboxEvent(
        OutboundEvent.GOAL_REACHED, f"{one.key}/{one.goal}/{one.source}/{one.event_key}", one.at, one.customer,
        one.promise, one.key, data,
    )  # fmt: skip
