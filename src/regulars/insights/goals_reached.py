"""Goals as they become known: for outgoing webhooks, and for the page of one client.

Which email an event is counted for is decided as in the report: each campaign claims it for the last of its emails, and
the claim of the last email of any campaign is the one that counts in the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, select, union_all

from regulars.db.tables import campaigns, customers, events, purchases
from regulars.db.types import MONEY_SCALE, from_micros, to_micros
from regulars.insights.attribution import AskedGoal, Period, asked_goals, claims
from regulars.profile.shared_mailbox import with_same_mailbox
from regulars.rules.goal_rules import PURCHASE, Goal
from regulars.rules.model import Rulebook


@dataclass(frozen=True, slots=True)
class GoalReached:
    """An event that reached the goal of a campaign after one of its emails.

    `customer` and `client` are the key and the outside id of who did it, which may be another client of the mailbox;
    `event` is the event's outside id. `is_last` is whether no other campaign wrote later. `stated` is False where the
    campaign names no goal and purchases are counted.
    """

    campaign: str
    key: str
    step: str
    promise: int
    sent_at: datetime
    goal: Goal
    stated: bool
    customer: int
    client: str
    source: str
    event_key: int
    event: str
    at: datetime
    value: Decimal | None
    currency: str | None
    is_last: bool

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "campaign": self.campaign, "step": self.step, "sent_at": self.sent_at.isoformat(), "goal": str(self.goal),
            "client": self.client, "event": self.event, "at": self.at.isoformat(),
            "value": None if self.value is None else str(self.value), "currency": self.currency,
            "is_last": self.is_last,
        }  # fmt: skip


def goals_reached(connection: Connection, rulebook: Rulebook, after: datetime, upto: datetime) -> list[GoalReached]:
    """The goals whose events were received in (after, upto], for each campaign that claims them.

    Where the spans of two calls overlap, an event is returned twice; campaign, goal, `source` and `event_key` name it.
    """
    goals = asked_goals(connection, rulebook)
    if not goals:
        return []
    names = dict.fromkeys(asked.goal.event for asked in goals)
    clients = union_all(*(_received(name, after, upto) for name in names)).subquery("clients")
    return _found(connection, rulebook, goals, upto, _with_their_mailboxes(clients), (after, upto))


def goals_of_client(connection: Connection, rulebook: Rulebook, customer_id: int, now: datetime) -> list[GoalReached]:
    """All that followed the emails to this client's mailbox, by email."""
    goals = asked_goals(connection, rulebook)
    return _found(connection, rulebook, goals, now, with_same_mailbox(customer_id), None) if goals else []


def _received(event: str, after: datetime, upto: datetime) -> Select[Any]:
    """The clients of events of that name that were received in (after, upto]."""
    table = purchases if event == PURCHASE else events
    query = select(table.c.customer_id).where(table.c.received_at > after, table.c.received_at <= upto)
    return query if event == PURCHASE else query.where(events.c.name == event)


def _with_their_mailboxes(clients: Any) -> Select[Any]:
    """The keys of these clients and of all with their addresses."""
    holder, one = customers.alias("of_mailbox"), customers.alias("one")
    chosen = select(clients.c.customer_id)
    same = select(holder.c.id).join(one, one.c.email_hash == holder.c.email_hash).where(one.c.id.in_(chosen))
    return select(union_all(chosen, same).subquery("known").c[0])


def _found(
    connection: Connection, rulebook: Rulebook, goals: Sequence[AskedGoal], now: datetime, only: Select[Any],
    received: tuple[datetime, datetime] | None,
) -> list[GoalReached]:  # fmt: skip
    names = {str(key): str(name) for key, name in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    asked = {(each.campaign, each.place): each for each in goals}
    claimed = claims(connection, rulebook, goals, Period(now), only=only)
    assert claimed is not None
    query = select(claimed, customers.c.external_id.label("client")).join(
        customers, customers.c.id == claimed.c.customer_id
    )
    if received is not None:
        after, upto = map(to_micros, received)
        query = query.where(claimed.c.received_at > after, claimed.c.received_at <= upto)
    rows = connection.execute(query.order_by(claimed.c.sent, claimed.c.promise_id, claimed.c.at, claimed.c.event_id))
    return [
        GoalReached(
            names.get(row.campaign, row.campaign), row.campaign, row.step, row.promise_id, from_micros(row.sent),
            asked[row.campaign, row.place].goal, asked[row.campaign, row.place].stated, row.customer_id, row.client,
            row.source, row.event_id, row.external_id, from_micros(row.at),
            None if row.value is None else Decimal(int(row.value)) / MONEY_SCALE, row.currency, bool(row.is_last),
        )
        for row in rows
    ]  # fmt: skip
