"""Signing up by a form, confirmed by email (double opt-in).

A sign-up is only a request until its email is confirmed. A new client counts as opted out of all marketing until then,
even with `consent: opt-out`; a known client does not change. The confirmation email is sent like all emails, triggered
by the event `signup.requested`. The visitor's network address is not stored: the confirmed mailbox is better evidence.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Text, and_, cast, delete, exists, func, literal, select, update

from regulars.consent.rights import MARKETING, forgotten, grant, withdraw
from regulars.core import ids
from regulars.db.engine import insert
from regulars.db.locks import AdvisoryLock, lock_each
from regulars.db.tables import consents, copies, customers, events, promises, purchases, signups, suppressions
from regulars.ledger.link_owner import LinkOwner
from regulars.profile import facts
from regulars.rules.signup import Signup

REQUESTED = "signup.requested"
CONFIRMED = "signup.confirmed"
PENDING = "signup"
"""The log source for a new client without confirmation."""
DOUBLE_OPT_IN = "double-opt-in"
MOST_PER_DAY = 3
"""Maximum confirmation emails to one address per day."""
_DAY = timedelta(days=1)
_NAME = "signup-"
"""How the outside ids begin of those whom only the form has made known; `profile.identity` knows them by it."""


@dataclass(frozen=True, slots=True)
class SignupRequest:
    """The submitted form. `wording` is the text beside the button, in the reader's language."""

    email: str
    wording: str
    source: str
    locale: str
    first_name: str | None = None


@dataclass(frozen=True, slots=True)
class PendingSignup:
    """A sign-up that awaits confirmation."""

    id: int
    customer: int
    topic: str
    wording: str
    source: str
    locale: str
    first_name: str | None
    asked_at: datetime
    confirmed_at: datetime | None


def request_signup(connection: Connection, signup: SignupRequest, form: Signup, secret: bytes, at: datetime) -> bool:
    """Records the request, so that a confirmation email is sent; only the caller learns whether it is.

    Nothing is recorded for a suppressed address, or one at its daily limit. Requests of one address are serialised: of
    two concurrent first ones, the second finds the client created by the first.
    """
    mark = ids.address_hash(signup.email, secret)
    lock_each(connection, AdvisoryLock.SIGN_UP, [int(mark[:15], 16)])
    suppressed = exists().where(suppressions.c.email_hash == mark, suppressions.c.scope == "all")
    if connection.scalar(select(suppressed)):
        return False
    customer = connection.scalar(
        select(func.min(customers.c.id)).where(customers.c.email_hash == mark, customers.c.erased_at.is_(None))
    )
    new = customer is None
    if customer is None:
        customer = _client(connection, signup, mark, at)
    recent = select(func.count()).where(signups.c.customer_id == customer, signups.c.asked_at > at - _DAY)
    if (connection.scalar(recent) or 0) >= MOST_PER_DAY:
        return False
    key = connection.execute(
        signups.insert().values(
            customer_id=customer, topic=form.topic, wording=signup.wording, source=signup.source, locale=signup.locale,
            first_name=signup.first_name, made_client=new, asked_at=at,
        ).returning(signups.c.id)
    ).scalar_one()  # fmt: skip
    _event(connection, customer, REQUESTED, f"signup/{key}", signup.source, at)
    return True


def _client(connection: Connection, signup: SignupRequest, mark: str, at: datetime) -> int:
    """A new client with address and language only, opted out of all marketing until they confirm."""
    name = f"{_NAME}{secrets.token_hex(12)}"  # drawn: it must not lead back to the address once that is forgotten
    uid = ids.new_uid()
    key = connection.execute(
        customers.insert().values(
            external_id=name, email=signup.email, email_hash=mark, locale=signup.locale, source=PENDING, attrs={},
            uid=uid, bucket=ids.bucket(uid), created_at=at, updated_at=at,
        ).returning(customers.c.id)
    ).scalar_one()  # fmt: skip
    facts.refresh(connection, [key])
    withdraw(connection, key, MARKETING, at=at, source=PENDING, detail={"until": "confirmed"})
    return int(key)


def pending_signup(connection: Connection, owner: LinkOwner) -> PendingSignup | None:
    """The sign-up of the email; None for another email, and once it is deleted."""
    if owner.campaign is None or owner.campaign.on != REQUESTED:
        return None
    named = connection.scalar(
        select(events.c.external_id)
        .join(promises, promises.c.source_id == events.c.id)
        .where(promises.c.id == owner.promise, events.c.name == REQUESTED, events.c.customer_id == owner.customer)
    )
    if named is None:
        return None
    number = int(named.removeprefix("signup/"))
    row = connection.execute(select(signups).where(signups.c.id == number)).first()
    if row is None:
        return None
    return PendingSignup(
        row.id, row.customer_id, row.topic, row.wording, row.source, row.locale, row.first_name, row.asked_at,
        row.confirmed_at,
    )  # fmt: skip


def first_unasked(connection: Connection) -> datetime | None:
    """When the first unconfirmed sign-up without a promised email was requested."""
    asked = exists().where(promises.c.source_id == events.c.id)
    requested = and_(
        events.c.name == REQUESTED, events.c.customer_id == signups.c.customer_id,
        events.c.external_id == literal("signup/") + cast(signups.c.id, Text),
    )  # fmt: skip
    first = select(func.min(signups.c.asked_at)).join(events, requested).where(signups.c.confirmed_at.is_(None), ~asked)
    found: datetime | None = connection.scalar(first)
    return found


def confirm(connection: Connection, found: PendingSignup, at: datetime) -> bool:
    """The owner of the mailbox pressed the button: records consent with the text shown; returns whether it is new.

    It never lifts a suppression.
    """
    changed = connection.execute(
        update(signups).where(signups.c.id == found.id, signups.c.confirmed_at.is_(None)).values(confirmed_at=at)
    ).rowcount
    if not changed:
        return False
    detail = {"asked_at": found.asked_at.isoformat(), "form": found.source, "wording": found.wording}
    for topic in sorted({found.topic, *_refused(connection, found.customer)}):
        grant(
            connection, found.customer, topic, at=at, source=DOUBLE_OPT_IN, wording=found.wording, detail=detail
        )  # fmt: skip
    if found.first_name:
        unnamed = (customers.c.id == found.customer, customers.c.first_name.is_(None), customers.c.name.is_(None))
        connection.execute(update(customers).where(*unnamed).values(first_name=found.first_name, updated_at=at))
    _event(connection, found.customer, CONFIRMED, f"signup/{found.id}/confirmed", found.source, at)
    return True


def _refused(connection: Connection, customer: int) -> set[str]:
    """`marketing`, if it was refused: without it no topic is sent."""
    query = select(consents.c.topic).where(
        consents.c.customer_id == customer, consents.c.topic == MARKETING, consents.c.granted.is_(False)
    )
    return set(connection.scalars(query))


def purge(connection: Connection, now: datetime, form: Signup | None) -> int:
    """Deletes sign-ups not confirmed in time, and clients known only by them; returns their number.

    The ledger keeps the count of the emails; the address is free to sign up again.
    """
    keep = timedelta(days=7) if form is None else form.keep
    old = select(signups.c.id).where(signups.c.confirmed_at.is_(None), signups.c.asked_at < now - keep)
    if connection.scalar(old.limit(1)) is None:
        return 0
    other = signups.alias("other")
    only = (
        select(signups.c.customer_id)
        .where(
            signups.c.id.in_(old),
            signups.c.made_client,
            ~exists().where(other.c.customer_id == signups.c.customer_id, other.c.id.not_in(old)),
            ~exists().where(purchases.c.customer_id == signups.c.customer_id),
            ~exists().where(events.c.customer_id == signups.c.customer_id, events.c.name != REQUESTED),
            ~exists().where(customers.c.id == signups.c.customer_id, customers.c.source != PENDING),
            ~exists().where(customers.c.id == signups.c.customer_id, ~customers.c.external_id.startswith(_NAME)),
        )
        .distinct()
    )
    for customer in connection.scalars(only).all():
        _forget(connection, customer, now)
    return connection.execute(delete(signups).where(signups.c.id.in_(old))).rowcount


def _forget(connection: Connection, customer: int, now: datetime) -> None:
    person = update(customers).where(customers.c.id == customer)
    connection.execute(person.values(forgotten(now)).values(email_hash=None))
    promise_ids = select(promises.c.id).where(promises.c.customer_id == customer)
    connection.execute(delete(copies).where(copies.c.promise_id.in_(promise_ids)))
    connection.execute(update(promises).where(promises.c.customer_id == customer).values(data=None, detail=None))


def _event(connection: Connection, customer: int, name: str, external_id: str, source: str, at: datetime) -> None:
    statement = insert(connection, events).values(
        external_id=external_id, customer_id=customer, name=name, occurred_at=at, received_at=at,
        data={"source": source},
    )  # fmt: skip
    key = connection.scalars(statement.on_conflict_do_nothing().returning(events.c.id)).first()
    if key is not None:
        facts.refresh_after_events(connection, [key])
