"""Finds the promise that a notification is about, and the mailbox to which its email was sent.

By the token of the return path, which is signed and knows the address; else by the Message-ID, which only the email and
the servers on its way know; else, from a source that proved who it is, by the provider's id or the recipient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from regulars.core.ids import address_hash
from regulars.core.return_path import ReturnToken, read_token, tag_of
from regulars.core.settings import Settings
from regulars.db.states import State
from regulars.db.tables import campaigns, customers, promises
from regulars.feedback.notification import Notification
from regulars.render.mailbox import wire
from regulars.rules.model import Rulebook

LOOK_BACK = timedelta(days=30)
"""The age of an email beyond which it is not looked for by its recipient."""
_MOST_EMAILS = 200
"""How many of a mailbox's latest emails are looked at."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """By what notifications are judged, and by which door they come."""

    rulebook: Rulebook
    secrets: Sequence[bytes]
    address_secret: bytes
    source: str
    """The door, as it is stored: `mailbox`, `inbound`, a provider's name."""
    trusted: bool = False
    """Whether the source proved who it is, as a signed webhook does: it may name an email by its recipient alone."""

    @classmethod
    def of(cls, rulebook: Rulebook, settings: Settings, source: str, *, trusted: bool = False) -> Receiver:
        """With the secrets of the settings."""
        return cls(rulebook, settings.secrets, settings.address_secret, source, trusted)


@dataclass(frozen=True, slots=True)
class FoundPromise:
    """The promise, its client, and the mailbox written to: its hash, or None if nothing says which it was.

    `direct`: the notification is about that very address, not about one to which it forwards.
    """

    id: int
    customer: int
    campaign: str
    campaign_name: str
    state: State
    to_client: bool
    erased: bool
    mailbox: str | None
    direct: bool


def find_promise(
    connection: Connection, one: Notification, receiver: Receiver, token: ReturnToken | None, now: datetime
) -> FoundPromise | None:
    """The promise of the notification; None where nothing proves that it is about an email of ours."""
    named = None if one.recipient is None else address_hash(one.recipient, receiver.address_secret)
    if token is not None:
        row = connection.execute(_select().where(promises.c.id == token.promise)).first()
        return None if row is None else _by_token(row, one, receiver, token, named)
    row = _by_message_id(connection, one, named) or (
        _by_provider(connection, one, named, now) if receiver.trusted and named is not None else None
    )
    if row is None:
        return None
    direct = named is not None and named == row.email_hash
    return _found(row, row.email_hash if direct or named is None else None, direct=direct)


def token_of(one: Notification, secrets: Sequence[bytes]) -> ReturnToken | None:
    """The genuine token of the address to which it came back."""
    return read_token(one.return_path, secrets) if one.return_path else None


def _by_token(
    row: Row[tuple[object, ...]], one: Notification, receiver: Receiver, token: ReturnToken, named: str | None
) -> FoundPromise:
    """What the tag in the token says: it is that of the address written to, whatever the client's is today."""
    if one.recipient is not None and _has_tag(one.recipient, token, receiver.secrets):
        return _found(row, named, direct=True)
    unchanged = row.email is not None and _has_tag(row.email, token, receiver.secrets)
    mailbox = row.email_hash if unchanged or row.erased_at is not None else None
    return _found(row, mailbox, direct=mailbox is not None and named in (None, mailbox))


def _has_tag(address: str, token: ReturnToken, secrets: Sequence[bytes]) -> bool:
    try:
        spelled = wire(address.strip())
    except ValueError:
        return False
    return any(tag_of(spelled, secret) == token.tag for secret in secrets)


def _select() -> Select[tuple[object, ...]]:
    return (
        select(
            promises.c.id, promises.c.customer_id, promises.c.campaign, promises.c.state, promises.c.recipient,
            customers.c.email, customers.c.email_hash, customers.c.erased_at,
            func.coalesce(campaigns.c.name, promises.c.campaign).label("name"),
        )
        .join(customers, customers.c.id == promises.c.customer_id)
        .outerjoin(campaigns, campaigns.c.key == promises.c.campaign)
        .order_by(promises.c.id.desc())
    )  # fmt: skip


def _by_message_id(connection: Connection, one: Notification, named: str | None) -> Row[tuple[object, ...]] | None:
    """By the latest emails to the recipient; without a client of this address, by the Message-ID alone."""
    if not one.message_id:
        return None
    ours = promises.c.message_id == f"<{one.message_id.strip('<> ')}>"
    if named is not None and (row := _latest(connection, named, ours)) is not None:
        return row
    return connection.execute(_select().where(ours).order_by(promises.c.id.desc()).limit(1)).first()


def _by_provider(
    connection: Connection, one: Notification, named: str, now: datetime
) -> Row[tuple[object, ...]] | None:
    """By the id in the server's reply, else the latest email to the recipient."""
    if one.provider_id:
        bare = one.provider_id.strip("<> ")
        replied = promises.c.detail.contains(bare, autoescape=True)
        same = promises.c.message_id.in_([bare, f"<{bare}>"])
        if (row := _latest(connection, named, or_(replied, same))) is not None:
            return row
    went = promises.c.state.in_([State.SENT, State.UNCERTAIN, State.BOUNCED])
    return _latest(connection, named, went & (promises.c.settled_at > now - LOOK_BACK))


def _latest(connection: Connection, mailbox: str, condition: ColumnElement[bool]) -> Row[tuple[object, ...]] | None:
    """The latest email to the mailbox for which the condition holds."""
    recent = (
        select(promises.c.id)
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(customers.c.email_hash == mailbox, promises.c.recipient == "customer")
        .order_by(promises.c.id.desc())
        .limit(_MOST_EMAILS)
        .subquery("recent")
    )
    return connection.execute(_select().where(promises.c.id.in_(select(recent.c.id)), condition).limit(1)).first()


def _found(row: Row[tuple[object, ...]], mailbox: str | None, *, direct: bool) -> FoundPromise:
    to_client = row.recipient == "customer"
    return FoundPromise(
        row.id, row.customer_id, row.campaign, row.name, State(row.state), to_client, row.erased_at is not None,
        mailbox if to_client else None, direct,
    )  # fmt: skip
