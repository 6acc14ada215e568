"""The outbox of messages to other programs: a row for each event and endpoint, in the transaction of what it tells.

So no event is lost when a process dies, and none is told that did not happen. `outbound` delivers the rows. A row
names the promise and the client; the words of a message are made when it is sent, so that the outbox holds little of a
person. A later message about one client waits for the earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Text, bindparam, case, cast, delete, func, literal, or_, select, update

from regulars.core.ids import digest
from regulars.db.database_time import database_time
from regulars.db.engine import insert
from regulars.db.key_lists import among, listing
from regulars.db.states import Reason, State
from regulars.db.tables import campaigns, customers, promises, webhook_endpoints, webhook_messages
from regulars.db.types import EPOCH
from regulars.ledger.webhook_endpoints import Endpoint, endpoints
from regulars.rules.notify_rules import Notify, OutboundEvent

LEASE = timedelta(minutes=2)
"""For how long a process has a message before another may send it."""
GIVEN_UP = timedelta(days=5)
"""How long a message is tried that its endpoint refuses while it takes others."""
RETENTION, RETENTION_FAILED = timedelta(days=7), timedelta(days=30)
"""Retention of messages that were delivered, and of those that were given up."""
_MOST_DELETED = 10_000


class MessageState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One event. `subject` names it, so that the same is told once. `customer` is 0 and `campaign` None for none.

    `campaign` is a key. With a `promise`, the message names its campaign, step and Message-ID by itself.
    """

    event: OutboundEvent
    subject: str
    at: datetime
    customer: int = 0
    promise: int | None = None
    campaign: str | None = None
    data: Mapping[str, Any] | None = None


def add_events(connection: Connection, happened: Iterable[OutboxEvent]) -> int:
    """Writes the events for every program that wants them; returns the number of new messages.

    Where no program is named it costs one look at an empty table.
    """
    programs = [one for one in endpoints(connection) if one.disabled_at is None]
    events = list(happened) if programs else []
    if not events:
        return 0
    names = {row.key: row.name for row in connection.execute(select(campaigns.c.key, campaigns.c.name))}
    rows = [_row(program, one, names) for one in events for program in programs if _is_wanted(program, one, names)]
    if not rows:
        return 0
    made = insert(connection, webhook_messages).on_conflict_do_nothing().returning(webhook_messages.c.id)
    return len(connection.execute(made, rows).all())


def _is_wanted(program: Endpoint, one: OutboxEvent, names: Mapping[str, str]) -> bool:
    return program.wants(one.event, None if one.campaign is None else names.get(one.campaign, one.campaign))


def _row(program: Endpoint, one: OutboxEvent, names: Mapping[str, str]) -> dict[str, Any]:
    named = {} if one.campaign is None else {"campaign": names.get(one.campaign, one.campaign)}
    return {
        "endpoint": program.name, "event": str(one.event), "subject": f"{one.event}/{one.subject}", "at": one.at,
        "customer_id": one.customer, "promise_id": one.promise, "data": {**named, **(one.data or {})},
    }  # fmt: skip


def add_answer(
    connection: Connection, customer: int, name: str, external_id: str, at: datetime, data: Mapping[str, Any]
) -> None:
    """Tells of a client's answer, which is the event `name`; a changed answer is told again."""
    email = data.get("promise")
    answer = {key: value for key, value in data.items() if key != "promise"}
    subject = f"{external_id}/{digest(answer)}"
    found = {"answer": name, **answer}
    add_events(connection, [OutboxEvent(OutboundEvent.ANSWERED, subject, at, customer, email, data=found)])


def add_goals(connection: Connection, reached: Iterable[tuple[str, int, str]], at: datetime) -> None:
    """Tells of goals: the campaign's key, the client and the occurrence of each; once for each of these."""
    add_events(
        connection,
        (
            OutboxEvent(OutboundEvent.GOAL_REACHED, digest(one), at, one[1], campaign=one[0])
            for one in sorted(set(reached))
        ),
    )


_COLUMNS = ("endpoint", "event", "subject", "at", "customer_id", "promise_id")
_BOUNCED = (promises.c.state == State.FAILED) & (promises.c.reason == Reason.ADDRESS_REFUSED)
_EVENT = case((promises.c.state == State.SENT, str(OutboundEvent.SENT)), else_=str(OutboundEvent.BOUNCED))
_SETTLED = (
    select(
        webhook_endpoints.c.name, _EVENT, _EVENT + "/" + cast(promises.c.id, Text), promises.c.settled_at,
        promises.c.customer_id, promises.c.id,
    )
    .select_from(promises.join(webhook_endpoints, webhook_endpoints.c.name == bindparam("program")))
    .where(
        among(promises.c.id, bindparam("chunk", type_=Text)),
        ((promises.c.state == State.SENT) & bindparam("sent")) | (_BOUNCED & bindparam("bounced")),
        webhook_endpoints.c.disabled_at.is_(None),
    )
)  # fmt: skip
"""Built once, as the statements of claims are."""


def add_settled(connection: Connection, notify: Mapping[str, Notify], settled: Mapping[int, str]) -> None:
    """Tells of emails just settled: those that are sent, and those whose address was refused at once.

    `settled` has the promises with the names of their campaigns. One statement for each program that wants them.
    """
    for name, rule in notify.items():
        sent, bounced = (rule.wants(event, None) for event in (OutboundEvent.SENT, OutboundEvent.BOUNCED))
        wanted = [key for key, campaign in settled.items() if not rule.campaigns or campaign in rule.campaigns]
        if wanted and (sent or bounced):
            made = insert(connection, webhook_messages).from_select(list(_COLUMNS), _SETTLED).on_conflict_do_nothing()
            given = {"program": name, "chunk": listing(wanted), "sent": sent, "bounced": bounced}
            connection.execute(made, given)


def is_due(connection: Connection) -> bool:
    """Whether a message can be sent now to an endpoint that is not waiting itself."""
    now = database_time(connection)
    free = or_(webhook_endpoints.c.next_at.is_(None), webhook_endpoints.c.next_at <= now)
    ready = webhook_endpoints.c.disabled_at.is_(None), free
    due = select(webhook_messages.c.id).where(
        webhook_messages.c.endpoint == webhook_endpoints.c.name, webhook_messages.c.next_at <= now,
        webhook_messages.c.state == MessageState.WAITING,
    )  # fmt: skip
    return connection.scalar(select(webhook_endpoints.c.name).where(*ready, due.exists()).limit(1)) is not None


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be sent now. `attempt` counts from 1 and is the fence: another attempt settles for itself."""

    id: int
    event: str
    subject: str
    at: datetime
    attempt: int
    first_tried_at: datetime
    data: Mapping[str, Any]
    customer: str | None
    promise: int | None
    campaign: str | None
    step: str | None
    message_id: str | None


def claim(connection: Connection, endpoint: Endpoint, limit: int) -> list[Message]:
    """Takes messages of an endpoint that are due, in order for each client; nobody else has them for the lease."""
    now = database_time(connection)
    earlier = webhook_messages.alias("earlier")
    before = select(earlier.c.id).where(
        earlier.c.endpoint == webhook_messages.c.endpoint, earlier.c.customer_id == webhook_messages.c.customer_id,
        earlier.c.id < webhook_messages.c.id, earlier.c.state == MessageState.WAITING,
    )  # fmt: skip
    due = (
        select(webhook_messages.c.id)
        .where(webhook_messages.c.endpoint == endpoint.name, webhook_messages.c.state == literal(MessageState.WAITING))
        .where(webhook_messages.c.next_at <= now, ~before.exists())
        .order_by(webhook_messages.c.next_at, webhook_messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    keys = connection.scalars(due).all()
    if not keys:
        return []
    taken = update(webhook_messages).where(webhook_messages.c.id.in_(keys))
    first = func.coalesce(webhook_messages.c.first_tried_at, literal(now, webhook_messages.c.at.type))
    connection.execute(
        taken.values(next_at=now + LEASE, attempts=webhook_messages.c.attempts + 1, first_tried_at=first)
    )
    return _messages(connection, keys)


def _messages(connection: Connection, keys: Sequence[int]) -> list[Message]:
    found = (
        select(
            webhook_messages.c.id, webhook_messages.c.event, webhook_messages.c.subject, webhook_messages.c.at,
            webhook_messages.c.attempts, webhook_messages.c.first_tried_at, webhook_messages.c.data,
            webhook_messages.c.promise_id, customers.c.external_id, promises.c.step, promises.c.message_id,
            func.coalesce(campaigns.c.name, promises.c.campaign).label("campaign"),
        )
        .select_from(
            webhook_messages.outerjoin(customers, customers.c.id == webhook_messages.c.customer_id)
            .outerjoin(promises, promises.c.id == webhook_messages.c.promise_id)
            .outerjoin(campaigns, campaigns.c.key == promises.c.campaign)
        )
        .where(webhook_messages.c.id.in_(keys))
        .order_by(webhook_messages.c.id)
    )  # fmt: skip
    return [
        Message(
            row.id, row.event, row.subject, row.at, row.attempts, row.first_tried_at or EPOCH, row.data or {},
            row.external_id, row.promise_id, row.campaign, row.step, row.message_id,
        )
        for row in connection.execute(found)
    ]  # fmt: skip


def settle_message(
    connection: Connection, message: Message, state: MessageState, error: str | None, next_at: datetime | None = None
) -> bool:
    """Writes what became of an attempt; returns False where a later attempt has begun meanwhile."""
    now = database_time(connection)
    ended = state is not MessageState.WAITING
    ours = (
        webhook_messages.c.id == message.id, webhook_messages.c.attempts == message.attempt,
        webhook_messages.c.state == MessageState.WAITING,
    )  # fmt: skip
    values = {"state": state, "error": error, "settled_at": now if ended else None, "next_at": next_at or now}
    return connection.execute(update(webhook_messages).where(*ours).values(values)).rowcount > 0


def try_again(connection: Connection, name: str) -> int:
    """Makes everything that waits for the endpoint due, and what was given up wait again; returns the number."""
    those = update(webhook_messages).where(
        webhook_messages.c.endpoint == name, webhook_messages.c.state != MessageState.DELIVERED
    )
    values = {"state": MessageState.WAITING, "next_at": EPOCH, "settled_at": None, "first_tried_at": None}
    return connection.execute(those.values(values)).rowcount


@dataclass(frozen=True, slots=True)
class Backlog:
    """The messages of one endpoint: how many wait, since when the oldest, and how many were given up."""

    waiting: int = 0
    oldest: datetime | None = None
    failed: int = 0
    delivered: int = 0


def backlogs(connection: Connection) -> dict[str, Backlog]:
    """The messages by endpoint; those delivered and given up as far as they are kept."""
    state = webhook_messages.c.state
    columns = webhook_messages.c.endpoint, state, func.count(), func.min(webhook_messages.c.at)
    found: dict[str, dict[str, Any]] = {}
    for name, what, number, oldest in connection.execute(select(*columns).group_by(*columns[:2])):
        found.setdefault(name, {})[what] = number
        if what == MessageState.WAITING:
            found[name]["oldest"] = oldest
    return {name: Backlog(**values) for name, values in found.items()}


def forget_messages(connection: Connection) -> int:
    """Deletes messages past their retention, some at a time; returns their number."""
    now, settled = database_time(connection), webhook_messages.c.settled_at
    delivered = (webhook_messages.c.state == MessageState.DELIVERED) & (settled < now - RETENTION)
    given_up = (webhook_messages.c.state == MessageState.FAILED) & (settled < now - RETENTION_FAILED)
    old = select(webhook_messages.c.id).where(settled < now - RETENTION, delivered | given_up).limit(_MOST_DELETED)
    return connection.execute(delete(webhook_messages).where(webhook_messages.c.id.in_(old))).rowcount


def erase_messages(connection: Connection, customer: int) -> None:
    """Deletes every message about a client who is erased."""
    connection.execute(delete(webhook_messages).where(webhook_messages.c.customer_id == customer))


def move_messages(connection: Connection, kept: int, gone: int) -> None:
    """The messages of two clients who are one person are about `kept`."""
    moved = update(webhook_messages).where(webhook_messages.c.customer_id == gone)
    connection.execute(moved.values(customer_id=kept))
