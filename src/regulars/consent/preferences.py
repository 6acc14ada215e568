"""Preferences of a client: topics, language, own frequency cap, pause, birthday. Changes are logged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, union, update

from regulars.consent.rights import MARKETING
from regulars.consent.subscription import resubscribe, subscriptions_of, unsubscribe
from regulars.db.engine import insert
from regulars.db.tables import consent_log, consents, customers, preferences, refusals
from regulars.ledger.link_owner import LinkOwner

PREFERENCES = "preferences"
"""The log topic of changes that are not consent."""
TRACKING = "email.tracking"
"""The topic of consent to tracking; no campaign can have a topic of that name."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """The stored preferences of a client."""

    locale: str | None
    birthday: date | None
    paused_until: datetime | None
    gap_days: int | None
    email_hash: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """Requested changes. `locale` None and `weeks` None change nothing; `weeks` 0 ends a pause."""

    locale: str | None
    birthday: date | None
    gap_days: int | None
    weeks: int | None


def preferences_of(connection: Connection, customer_id: int) -> Preferences:
    """The client's preferences."""
    row = connection.execute(
        select(
            customers.c.locale, customers.c.birthday, preferences.c.paused_until, preferences.c.gap_days,
            customers.c.email_hash,
        )
        .select_from(customers.outerjoin(preferences, preferences.c.customer_id == customers.c.id))
        .where(customers.c.id == customer_id)
    ).one()  # fmt: skip
    return Preferences(*row)


def objectors(connection: Connection, customer_ids: Collection[int]) -> set[int]:
    """The clients among these who object to tracking."""
    against = select(consents.c.customer_id).where(
        consents.c.topic == TRACKING, consents.c.granted.is_(False), consents.c.customer_id.in_(customer_ids)
    )
    mailbox = customers.join(refusals, refusals.c.email_hash == customers.c.email_hash)
    refused = select(customers.c.id).select_from(mailbox)
    refused = refused.where(refusals.c.topic == TRACKING, customers.c.id.in_(customer_ids))
    return set(connection.scalars(union(against, refused)))


def set_tracking_objection(
    connection: Connection, owner: LinkOwner, *, allowed: bool, at: datetime, wording: str
) -> bool:
    """Saves whether the client objects to tracking; returns whether it changed."""
    if allowed == (owner.customer not in objectors(connection, [owner.customer])):
        return False
    if allowed:
        return resubscribe(connection, owner, [TRACKING], at, "preferences", wording)
    return unsubscribe(connection, owner, [TRACKING], at, "preferences")


def choose_topics(
    connection: Connection, owner: LinkOwner, offered: Collection[str], wanted: Collection[str], at: datetime,
    wording: str, *, opt_in: bool,
) -> bool:  # fmt: skip
    """Subscribes to the wanted topics and unsubscribes from the others offered; returns whether anything changed.

    Wanting none, or not the general one where it is offered, unsubscribes from all: consent to `marketing` is above
    the rest. Only changes are recorded, so that saving an unread page is not consent.
    """
    now = subscriptions_of(connection, owner.customer)
    had = {topic for topic in offered if now.receives(topic, opt_in=opt_in)}
    if set(wanted) == had:
        return False
    if not wanted or (MARKETING in offered and MARKETING not in wanted):
        return unsubscribe(connection, owner, [MARKETING], at, "preferences")
    fresh = set(wanted) - had
    if now.left_all:
        fresh = {MARKETING} | (set(wanted) & now.left)
    back = resubscribe(connection, owner, sorted(fresh), at, "preferences", wording)
    gone = unsubscribe(connection, owner, sorted(set(offered) - set(wanted)), at, "preferences")
    return back or gone


def save_changes(connection: Connection, owner: LinkOwner, asked: Changes, at: datetime) -> list[str]:
    """Saves the changes; returns their names, which are also logged."""
    now = preferences_of(connection, owner.customer)
    person: dict[str, Any] = {}
    if asked.locale is not None and asked.locale != now.locale:
        person["locale"] = asked.locale
    if asked.birthday != now.birthday:
        person["birthday"] = asked.birthday
    pace: dict[str, Any] = {}
    if asked.gap_days != now.gap_days:
        pace["gap_days"] = asked.gap_days
    if asked.weeks is not None:
        until = at + timedelta(weeks=asked.weeks) if asked.weeks else None
        if until != now.paused_until:
            pace["paused_until"] = until
    if person:
        connection.execute(update(customers).where(customers.c.id == owner.customer).values(**person, updated_at=at))
    if pace:
        statement = insert(connection, preferences).values(customer_id=owner.customer, at=at, **pace)
        connection.execute(statement.on_conflict_do_update(index_elements=["customer_id"], set_={**pace, "at": at}))
    changed = sorted(person | pace)
    if changed:
        _log_changes(connection, owner, at, changed)
    return changed


def _log_changes(connection: Connection, owner: LinkOwner, at: datetime, changed: list[str]) -> None:
    detail = {"promise": owner.promise, "campaign": owner.key, "changed": changed}
    connection.execute(
        consent_log.insert().values(
            customer_id=owner.customer, topic=PREFERENCES, granted=True, at=at, source="preferences", detail=detail
        )
    )
