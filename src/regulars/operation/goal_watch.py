"""Goals that clients reached since the last plan, added to other programs once each.

Of the emails of a campaign that are followed by the goal in time, the last one is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import BigInteger, Connection, func, select, type_coerce

from regulars.context.active_campaign import ActiveCampaign
from regulars.db.states import State
from regulars.db.tables import promises
from regulars.db.types import MICROSECOND, MONEY_SCALE, from_micros, to_micros
from regulars.insights.goal_events import goal_events
from regulars.ledger.webhook_outbox import OutboxEvent, add_events
from regulars.rules.goal_rules import Goal
from regulars.rules.model import Rulebook
from regulars.rules.notify_rules import OutboundEvent

_OVERLAP = timedelta(hours=1)
"""What was received so long before the last plan is looked at again: its transaction may have ended later."""


def add_goals_reached(connection: Connection, book: Rulebook, active_campaigns: Mapping[str, ActiveCampaign]) -> int:
    """Tells of goals that have been received since the campaigns' last plan; returns the number of new messages."""
    event = OutboundEvent.GOAL_REACHED
    added = 0
    for active in active_campaigns.values():
        name, planned_at = active.campaign.name, active.planned_at
        if planned_at is None or not any(one.wants(event, name) for one in book.notify.values()):
            continue
        for goal in active.campaign.goals:
            floor = to_micros(planned_at - _OVERLAP)
            added += add_events(connection, _reached(connection, book, active.key, goal, floor))
    return added


def _reached(connection: Connection, book: Rulebook, key: str, goal: Goal, floor: int) -> list[OutboxEvent]:
    reached = goal_events(goal, book)
    sent_at = type_coerce(promises.c.settled_at, BigInteger)
    columns = (
        reached.c.source, reached.c.id, reached.c.external_id, reached.c.customer_id, reached.c.at, reached.c.value,
        reached.c.currency,
    )  # fmt: skip
    query = (
        select(*columns, func.max(promises.c.id).label("promise"))
        .join(promises, promises.c.customer_id == reached.c.customer_id)
        .where(
            reached.c.received_at > floor,
            promises.c.campaign == key, promises.c.recipient == "customer",
            promises.c.state.in_([State.SENT, State.UNCERTAIN]),
            sent_at <= reached.c.at, sent_at >= reached.c.at - goal.within // MICROSECOND,
        )
        .group_by(*columns)
        .order_by(reached.c.at, reached.c.id)
    )  # fmt: skip
    return [
        OutboxEvent(
            OutboundEvent.GOAL_REACHED, f"{key}/{goal}/{row.source}/{row.id}", from_micros(row.at), row.customer_id,
            row.promise, key,
            {"goal": str(goal), goal.event: row.external_id}
            | ({} if row.value is None else {"value": str(Decimal(row.value) / MONEY_SCALE)})
            | ({} if row.currency is None else {"currency": row.currency}),
        )
        for row in connection.execute(query)
    ]  # fmt: skip
