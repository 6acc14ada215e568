"""Merging two clients who are one person: all data go to one, and the stricter of their decisions applies.

Like erasure, it goes through every table with client data, and is logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from regulars.consent.address_change import AddressChange, carry_opt_outs
from regulars.consent.rights import ERASED, MARKETING, ConsentRecord, refuse_by_mailbox, write_log
from regulars.core.errors import NotFound, RegularsError
from regulars.db.locks import AdvisoryLock, lock
from regulars.db.tables import (
    aliases,
    consent_log,
    consents,
    customers,
    events,
    preferences,
    purchases,
    signups,
    suppressions,
)
from regulars.ledger import audit
from regulars.ledger.assignments import merge_assignments
from regulars.ledger.client_merge import merge_promises
from regulars.ledger.webhook_outbox import move_messages
from regulars.profile import facts
from regulars.profile.identity import add_alias, only_addressed

IDENTITY = "identity"
"""The log topic of merges."""
_OWN = frozenset(
    "id external_id uid bucket email email_hash attrs created_at updated_at erased_at".split()
)  # fmt: skip
"""Columns of a client that are not filled from the other."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge: the numbers of moved rows."""

    client: str
    """The outside id of the remaining client."""
    joined: str
    """The outside id of the removed client."""
    events: int
    purchases: int
    emails: int
    twice: int
    """Emails that both had under one key; the ledger keeps both, one counts."""
    refused: tuple[str, ...]
    """Topics from which the remaining client is unsubscribed because of the other."""


def merge_clients(connection: Connection, kept: int, gone: int, *, now: datetime, by: str) -> Merged:
    """Merges `gone` into `kept` in the caller's transaction. `by` is the source, for the log.

    Raises NotFound, and RegularsError for the same client twice, for erased ones, and while an email to one is sent.
    """
    lock(connection, AdvisoryLock.PLAN)
    one, other = _person(connection, kept), _person(connection, gone)
    _require_joinable(connection, one, other)
    done = merge_promises(connection, kept, gone, now)
    merge_assignments(connection, kept, gone)
    audit.move(connection, kept, gone)
    move_messages(connection, kept, gone)
    moved = {}
    for table in (events, purchases, signups, consent_log, aliases):
        theirs = update(table).where(table.c.customer_id == gone)
        moved[table.name] = connection.execute(theirs.values(customer_id=kept)).rowcount
    pace = _merge_preferences(connection, kept, gone)
    record = ConsentRecord(MARKETING, now, by, {"of": other["external_id"]})
    refused = _merge_consents(connection, kept, gone, record)
    _merge_person(connection, one, other, now, by)
    refused |= _merge_mailboxes(connection, kept, other, now, by)
    facts.refresh(connection, [kept])
    name = connection.scalar(select(customers.c.external_id).where(customers.c.id == kept))
    made = Merged(
        str(name), other["external_id"], moved["events"], moved["purchases"], done.moved, done.twice,
        tuple(sorted(refused)),
    )  # fmt: skip
    _log(connection, kept, made, pace, now, by)
    return made


def _person(connection: Connection, key: int) -> RowMapping:
    row = connection.execute(select(customers).where(customers.c.id == key).with_for_update()).mappings().first()
    if row is None:
        raise NotFound("customer", str(key))
    return row


def _require_joinable(connection: Connection, one: RowMapping, other: RowMapping) -> None:
    if one["id"] == other["id"]:
        raise RegularsError(f"`{one['external_id']}` is one client already: both names are theirs")
    for person in (one, other):
        erased = select(suppressions.c.email_hash).where(
            suppressions.c.email_hash == person["email_hash"], suppressions.c.reason == ERASED
        )
        if person["erased_at"] is not None or connection.scalar(erased) is not None:
            raise RegularsError(f"`{person['external_id']}` was erased, and nothing more may be put with it")


def _merge_preferences(connection: Connection, kept: int, gone: int) -> list[str]:
    """The longer pause and the larger gap apply; returns what changed for the remaining client."""
    found = select(preferences).where(preferences.c.customer_id.in_([kept, gone]))
    rows = {row["customer_id"]: row for row in connection.execute(found).mappings()}
    if gone not in rows:
        return []
    breaks = [row["paused_until"] for row in rows.values() if row["paused_until"] is not None]
    gaps = [row["gap_days"] for row in rows.values() if row["gap_days"] is not None]
    connection.execute(delete(preferences).where(preferences.c.customer_id.in_([kept, gone])))
    values = {"paused_until": max(breaks, default=None), "gap_days": max(gaps, default=None)}
    at = max(row["at"] for row in rows.values())
    connection.execute(preferences.insert().values(customer_id=kept, at=at, **values))
    own = rows.get(kept)
    return sorted(name for name, value in values.items() if value != (own[name] if own else None))


def _merge_consents(connection: Connection, kept: int, gone: int, record: ConsentRecord) -> set[str]:
    """An opt-out of either applies; returns the topics that `kept` refuses only now.

    The log has a line for each decision that passes to `kept`; `record` is its source, with any topic.
    """
    by_topic: dict[str, dict[int, RowMapping]] = {}
    for row in connection.execute(select(consents).where(consents.c.customer_id.in_([kept, gone]))).mappings():
        by_topic.setdefault(row["topic"], {})[row["customer_id"]] = row
    fresh = set()
    for topic, words in sorted(by_topic.items()):
        theirs, own = words.get(gone), words.get(kept)
        if theirs is None or (own is not None and (theirs["granted"] or not own["granted"])):
            continue
        connection.execute(delete(consents).where(consents.c.customer_id == kept, consents.c.topic == topic))
        connection.execute(consents.insert().values({**theirs, "customer_id": kept}))
        write_log(connection, [kept], replace(record, topic=topic), granted=theirs["granted"])
        if not theirs["granted"]:
            fresh.add(topic)
    return fresh


def _merge_person(connection: Connection, one: RowMapping, other: RowMapping, now: datetime, by: str) -> None:
    """Fills missing fields of `one` from `other`, whose row is deleted, and whose id becomes an alias."""
    values: dict[str, Any] = {
        c.name: other[c.name]
        for c in customers.c
        if c.name not in _OWN and one[c.name] is None and other[c.name] is not None
    }
    if one["email"] is None:
        values |= {"email": other["email"], "email_hash": other["email_hash"]}
    values["attrs"] = {**other["attrs"], **one["attrs"]}
    values["created_at"] = min(one["created_at"], other["created_at"])
    names = [one["external_id"], other["external_id"]]
    if only_addressed(names[0]) and not only_addressed(names[1]):
        names.reverse()
    connection.execute(delete(customers).where(customers.c.id == other["id"]))
    statement = update(customers).where(customers.c.id == one["id"])
    connection.execute(statement.values(**values, external_id=names[0], updated_at=now))
    if not only_addressed(names[1]):
        add_alias(connection, one["id"], names[1], at=now, source=by)


def _merge_mailboxes(connection: Connection, kept: int, other: RowMapping, now: datetime, by: str) -> set[str]:
    """Opt-outs of either apply to the remaining mailbox; a bounce says nothing about another mailbox."""
    mailbox = connection.scalar(select(customers.c.email_hash).where(customers.c.id == kept))
    refuse_by_mailbox(connection, [kept])
    former = other["email_hash"]
    if mailbox is None or former is None or former == mailbox:
        return set()
    return carry_opt_outs(connection, [AddressChange(kept, former, mailbox)], now, by).get(kept, set())


def add_aliases(connection: Connection, customer_id: int, names: Sequence[str], *, now: datetime, by: str) -> list[str]:
    """Lets further outside ids name the client; returns the new ones, each with a line in the log.

    From then on what is said under these ids, a no included, is said by this client. Raises RegularsError if one names
    another client.
    """
    fresh = [name for name in names if add_alias(connection, customer_id, name, at=now, source=by)]
    for name in fresh:
        write_log(connection, [customer_id], ConsentRecord(IDENTITY, now, by, {"alias": name}), granted=True)
    return fresh


def _log(connection: Connection, kept: int, made: Merged, pace: list[str], now: datetime, by: str) -> None:
    detail = {
        "joined": made.joined, "as": made.client, "events": made.events, "purchases": made.purchases,
        "emails": made.emails, "twice": made.twice, "refused": list(made.refused),
        "preferences": pace,
    }  # fmt: skip
    write_log(connection, [kept], ConsentRecord(IDENTITY, now, by, detail), granted=True)
