"""What follows from what came back: bounced promises, suppressed mailboxes, unsubscribed clients, events for rules.

A statement counts once, by whatever door it comes again. One without a valid token or a Message-ID of ours only leaves
a row, so nobody can suppress an address by a forged bounce; an address that we did not write to is never suppressed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from regulars.consent.rights import MARKETING, Suppression, suppress_all, withdraw
from regulars.consent.subscription import unsubscribe
from regulars.core.ids import address_hash, digest
from regulars.core.return_path import ReturnToken
from regulars.db.engine import insert
from regulars.db.states import Reason, State, SuppressionReason
from regulars.db.tables import customers, events, notifications, promises
from regulars.feedback.notification import Kind, Notification
from regulars.feedback.promise_search import FoundPromise, Receiver, find_promise, token_of
from regulars.feedback.soft_limit import is_over_limit
from regulars.ledger.link_owner import link_owner
from regulars.ledger.recall import recall, recall_mailboxes
from regulars.ledger.webhook_outbox import OutboxEvent, add_events
from regulars.profile import facts
from regulars.rules.model import Kind as EmailKind
from regulars.rules.notify_rules import OutboundEvent

BOUNCED, COMPLAINED = "email.bounced", "email.complained"
"""The events that rules can use."""
RETENTION, RETENTION_UNKNOWN = timedelta(days=400), timedelta(days=30)
"""How long rows are kept: those about our emails, and those about nothing of ours."""
LONGEST_WORDS = 500
_ENDED = (State.SENT, State.UNCERTAIN)
_ONCE = (Kind.HARD_BOUNCE, Kind.SOFT_BOUNCE, Kind.COMPLAINT)
"""An email bounces once, and is complained of once, in however many words."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A notification with its promise."""

    notification: Notification
    promise: FoundPromise | None
    token: ReturnToken | None
    digest: str
    at: datetime


def record(connection: Connection, received: Sequence[Notification], now: datetime, receiver: Receiver) -> int:
    """Records notifications with all that follows from them; returns how many are new.

    Works in the caller's transaction: whoever acknowledges the message does so after the commit.
    """
    settle_waiting(connection)
    _forget(connection, now)
    statements = [_statement(connection, one, receiver, now) for one in received]
    statements.sort(key=lambda one: one.digest)  # one order for all doors, so that none waits for the other
    return sum(_record(connection, one, now, receiver) for one in statements)


def settle_waiting(connection: Connection) -> int:
    """Applies bounces that came back before their email was settled; returns their number."""
    query = (
        select(notifications.c.id, notifications.c.promise_id, notifications.c.words, notifications.c.code)
        .join(promises, promises.c.id == notifications.c.promise_id)
        .where(notifications.c.waits.is_(True), promises.c.state.not_in([State.HELD, State.PLANNED]))
        .order_by(notifications.c.id)
    )
    rows = connection.execute(query).all()
    for row in rows:
        _mark_bounced(connection, row.promise_id, row.words, row.code)
    if rows:
        done = update(notifications).where(notifications.c.id.in_([row.id for row in rows]))
        connection.execute(done.values(waits=False))
    return len(rows)


def _statement(connection: Connection, one: Notification, receiver: Receiver, now: datetime) -> _Statement:
    token = token_of(one, receiver.secrets)
    promise = find_promise(connection, one, receiver, token, now)
    if token is not None and token.unsubscribe and one.kind is Kind.OTHER:
        one = replace(one, kind=Kind.UNSUBSCRIBE)  # a mail program's message to the address of List-Unsubscribe
    if one.kind is Kind.HARD_BOUNCE and promise is not None and promise.to_client and not promise.direct:
        one = replace(one, kind=Kind.SOFT_BOUNCE)  # an address behind the one written to: nothing final about that one
    at = now if one.at is None or one.at > now else one.at
    one = replace(one, words=_clean(one.words), reason=_clean(one.reason), status=one.status and _clean(one.status))
    return _Statement(one, promise, token, _digest(one, promise, receiver), at)


def _clean(text: str) -> str:
    """Text that both databases store: without NUL, surrogates and what is too much."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST_WORDS]


def _digest(one: Notification, promise: FoundPromise | None, receiver: Receiver) -> str:
    if promise is not None and one.kind in _ONCE:
        return digest([promise.id, one.kind])
    if one.event_id is not None:
        return digest([receiver.source if receiver.trusted else "mail", one.event_id, one.kind, one.recipient])
    content = (one.kind, one.recipient, one.status, one.reply_code, one.words, one.message_id, one.return_path, one.at)
    return digest([None if part is None else str(part) for part in content])


def _record(connection: Connection, one: _Statement, now: datetime, receiver: Receiver) -> int:
    what, promise = one.notification, one.promise
    if what.kind is Kind.DELIVERED:
        return _confirm(connection, promise, now)
    waits = promise is not None and what.kind is Kind.HARD_BOUNCE and promise.state in (State.HELD, State.PLANNED)
    row = {
        "digest": one.digest, "kind": what.kind, "reason": what.reason, "status": what.status, "code": what.reply_code,
        "source": receiver.source, "at": one.at, "received_at": now, "waits": waits,
        "promise_id": promise.id if promise else None, "campaign": promise.campaign if promise else None,
        "email_hash": promise.mailbox if promise else None,
        "words": what.words or None if promise and not promise.erased else None,
    }  # fmt: skip
    fresh = insert(connection, notifications).values(row).on_conflict_do_nothing().returning(notifications.c.id)
    if connection.scalars(fresh).first() is None:
        return 0
    if what.kind is Kind.UNSUBSCRIBE:
        _unsubscribe(connection, one, now, receiver)
    elif promise is not None and what.kind in _EFFECTS:
        _EFFECTS[what.kind](connection, one, promise, now, receiver)
    return 1


def _hard(connection: Connection, one: _Statement, promise: FoundPromise, now: datetime, receiver: Receiver) -> None:
    _mark_bounced(
        connection, promise.id, None if promise.erased else one.notification.words, one.notification.reply_code
    )
    _suppress(connection, promise, SuppressionReason.BOUNCED, one.notification.words, now)
    _bounce_event(connection, one, promise, now)


def _soft(connection: Connection, one: _Statement, promise: FoundPromise, now: datetime, receiver: Receiver) -> None:
    limit = receiver.rulebook.policy.soft_bounces
    if promise.mailbox is not None and is_over_limit(connection, promise.mailbox, limit, now):
        words = f"{limit.count} of the last {limit.of} emails came back: {one.notification.words}"
        _suppress(connection, promise, SuppressionReason.BOUNCED, words, now)
    _bounce_event(connection, one, promise, now)


def _complaint(
    connection: Connection, one: _Statement, promise: FoundPromise, now: datetime, receiver: Receiver
) -> None:
    _suppress(connection, promise, SuppressionReason.COMPLAINED, promise.campaign_name, now)
    _add_event(connection, OutboundEvent.COMPLAINED, promise, one.at, {})
    if promise.to_client:
        detail = {"promise": promise.id, "campaign": promise.campaign}
        withdraw(connection, promise.customer, MARKETING, at=now, source=SuppressionReason.COMPLAINED, detail=detail)
        recall(connection, promise.customer)
        _event(connection, promise, COMPLAINED, one.at, now, {"campaign": promise.campaign_name})


_Effect = Callable[[Connection, _Statement, FoundPromise, datetime, Receiver], None]
_EFFECTS: Mapping[Kind, _Effect] = {
    Kind.HARD_BOUNCE: _hard, Kind.SOFT_BOUNCE: _soft, Kind.COMPLAINT: _complaint,
}  # fmt: skip


def _mark_bounced(connection: Connection, promise: int, words: str | None, code: int | None) -> None:
    values: dict[str, object] = {
        "state": State.BOUNCED,
        "reason": Reason.ADDRESS_REFUSED,
        "detail": (words or "")[:LONGEST_WORDS] or None,
    }
    if code is not None:
        values["code"] = code
    went = promises.c.id == promise, promises.c.state.in_(_ENDED)
    connection.execute(update(promises).where(*went).values(values))


def _suppress(
    connection: Connection, promise: FoundPromise, reason: SuppressionReason, words: str, now: datetime
) -> None:
    if promise.mailbox is None:
        return
    detail = None if promise.erased else words[:LONGEST_WORDS] or None
    suppress_all(connection, [Suppression(promise.mailbox, "all", reason, now, detail)], now)
    recall_mailboxes(connection, [promise.mailbox], list(EmailKind))


def _bounce_event(connection: Connection, one: _Statement, promise: FoundPromise, now: datetime) -> None:
    hard = one.notification.kind is Kind.HARD_BOUNCE
    _add_event(connection, OutboundEvent.BOUNCED, promise, one.at, {"hard": hard, "reason": one.notification.reason})
    if promise.to_client:
        data = {"campaign": promise.campaign_name, "hard": hard, "reason": one.notification.reason}
        _event(connection, promise, BOUNCED, one.at, now, data)


def _add_event(
    connection: Connection, event: OutboundEvent, promise: FoundPromise, at: datetime, data: Mapping[str, object]
) -> None:
    """Tells other programs; nothing about an erased client."""
    if not promise.erased:
        found = OutboxEvent(event, str(promise.id), at, promise.customer, promise.id, promise.campaign, data)
        add_events(connection, [found])


def _event(
    connection: Connection, promise: FoundPromise, name: str, at: datetime, now: datetime, data: Mapping[str, object]
) -> None:
    """One event of a name for each email; none about an erased client."""
    if promise.erased:
        return
    statement = insert(connection, events).values(
        external_id=f"{name}/{promise.id}", customer_id=promise.customer, name=name, occurred_at=at, received_at=now,
        data=dict(data),
    )  # fmt: skip
    new = connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).all()
    facts.refresh_after_events(connection, new)


def _confirm(connection: Connection, promise: FoundPromise | None, now: datetime) -> int:
    """A provider's confirmation of delivery settles an uncertain email; it leaves no row."""
    if promise is None or promise.state is not State.UNCERTAIN:
        return 0
    sent = update(promises).where(promises.c.id == promise.id, promises.c.state == State.UNCERTAIN)
    confirmed = connection.execute(sent.values(state=State.SENT, reason=None)).rowcount
    if confirmed:
        _add_event(connection, OutboundEvent.SENT, promise, now, {})
    return confirmed


def _unsubscribe(connection: Connection, one: _Statement, now: datetime, receiver: Receiver) -> None:
    """Unsubscribes the mailbox from all marketing, as a mail program's button does.

    A request that names no email counts for the address that it comes from: a person's no needs no reference number.
    """
    if one.promise is not None:
        owner = link_owner(connection, str(one.promise.id), receiver.rulebook)
        if owner is not None and unsubscribe(connection, owner, [MARKETING], now, "email"):
            recall(connection, owner.customer)
        return
    if one.notification.recipient is None:
        return
    mailbox = address_hash(one.notification.recipient, receiver.address_secret)
    theirs = select(customers.c.id).where(customers.c.email_hash == mailbox).order_by(customers.c.id)
    for customer in connection.scalars(theirs).all():
        if withdraw(connection, customer, MARKETING, at=now, source="email"):
            recall(connection, customer)


def _forget(connection: Connection, now: datetime) -> None:
    """Deletes rows that are too old."""
    received = notifications.c.received_at
    connection.execute(
        delete(notifications).where(notifications.c.promise_id.is_(None), received < now - RETENTION_UNKNOWN)
    )
    connection.execute(delete(notifications).where(received < now - RETENTION))
