"""Decisions of clients about their data: consent, suppression, erasure. Every change adds a line to the log.

Consent belongs to a client and a topic; the topic `marketing` stands for all. An opt-out belongs to the mailbox as
well (`refusals`), so that it applies to every client with the address. Suppression belongs to an address. Both are
stored by the address's keyed hash, so that they outlive the client's row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from regulars.core.errors import NotFound
from regulars.core.ids import new_uid
from regulars.db.engine import insert
from regulars.db.rowset import ids, lookup, rowset
from regulars.db.states import SuppressionReason
from regulars.db.tables import (
    aliases,
    consent_log,
    consents,
    copies,
    customers,
    decisions,
    events,
    hits,
    notifications,
    preferences,
    promises,
    purchases,
    refusals,
    signups,
    suppressions,
    values_seen,
)
from regulars.db.types import Key, to_micros
from regulars.ledger import audit
from regulars.ledger.recall import recall
from regulars.ledger.sequence_rows import forget_decisions
from regulars.ledger.webhook_outbox import OutboxEvent, add_events, erase_messages
from regulars.profile import facts
from regulars.rules.fields import CLIENT_FIELDS, RECORDED, Origin
from regulars.rules.model import Kind
from regulars.rules.notify_rules import OutboundEvent

MARKETING = "marketing"
"""The topic that stands for all topics."""
ERASED = SuppressionReason.ERASED
"""The reason under which the address of an erased client is suppressed."""

ADDRESS = "address"
"""The log topic of changes to an address."""

_SURVIVING = frozenset({"id", "email_hash", "uid", "bucket", "attrs", "updated_at", "erased_at"}) | {
    f"{name}_id" if CLIENT_FIELDS[name].origin is Origin.MANAGER else name
    for name in RECORDED
    if not CLIENT_FIELDS[name].personal
}
"""Columns of a client that erasure does not empty; any other is emptied."""

_SUPPRESSION = {name: suppressions.c[name].type for name in ("email_hash", "scope", "reason", "at", "detail")}
Scope = Literal["all", "marketing"]
Detail = Mapping[str, Any]
Dates = Mapping[int, datetime]
"""By client: when they decided, where that is another instant than the one of the record."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that gets no email, or no marketing: with reason, date, and detail."""

    email_hash: str
    scope: Scope
    reason: str
    at: datetime
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A decision about a topic, with its date, `source`, and `detail` (JSON-ready)."""

    topic: str
    at: datetime
    source: str
    detail: Detail | None = None


def withdraw(
    connection: Connection, customer_id: int, topic: str, *, at: datetime, source: str, detail: Detail | None = None
) -> bool:
    """Withdraws consent to the topic; returns whether it is new."""
    return bool(withdraw_all(connection, [customer_id], ConsentRecord(topic, at, source, detail)))


def grant(
    connection: Connection,
    customer_id: int,
    topic: str,
    *,
    at: datetime,
    source: str,
    wording: str | None = None,
    detail: Detail | None = None,
) -> bool:
    """Records the client's own consent to the topic, which lifts their mailbox's opt-out; returns whether it is new."""
    record = ConsentRecord(topic, at, source, detail)
    lifted = _lift_refusal(connection, customer_id, record)
    statement = insert(connection, consents).values(
        customer_id=customer_id, topic=topic, granted=True, at=at, source=source, wording=wording
    )
    given = statement.excluded
    changed = connection.scalars(
        statement.on_conflict_do_update(
            index_elements=["customer_id", "topic"],
            set_={"granted": True, "at": given.at, "source": given.source, "wording": given.wording},
            where=consents.c.granted.is_(False),
        ).returning(consents.c.customer_id)
    ).all()
    write_log(connection, changed, record, granted=True)
    return bool(changed) or lifted


def _lift_refusal(connection: Connection, customer_id: int, record: ConsentRecord) -> bool:
    """Lifts the opt-out of the client's mailbox, and of all clients with the address."""
    mailbox = connection.scalar(select(customers.c.email_hash).where(customers.c.id == customer_id))
    if mailbox is None:
        return False
    refused = and_(refusals.c.email_hash == mailbox, refusals.c.topic == record.topic)
    lifted = connection.execute(delete(refusals).where(refused)).rowcount > 0
    others = select(customers.c.id).where(customers.c.email_hash == mailbox, customers.c.id != customer_id)
    changed = connection.scalars(
        update(consents)
        .where(consents.c.customer_id.in_(others), consents.c.topic == record.topic, consents.c.granted.is_(False))
        .values(granted=True, at=record.at, source=record.source)
        .returning(consents.c.customer_id)
    ).all()
    write_log(connection, changed, record, granted=True)
    return lifted


def withdraw_all(
    connection: Connection, customer_ids: Iterable[int], word: ConsentRecord, dates: Dates | None = None
) -> set[int]:
    """`withdraw` for many; returns those for whom, or for whose mailbox, it is new."""
    asked = list(customer_ids)
    statement = _consents_for(connection, asked, word, granted=False, dates=dates)
    given = statement.excluded
    changed = set(
        connection.scalars(
            statement.on_conflict_do_update(
                index_elements=["customer_id", "topic"],
                set_={"granted": False, "at": given.at, "source": given.source, "wording": None},
                where=consents.c.granted.is_(True),
            ).returning(consents.c.customer_id)
        )
    )
    write_log(connection, changed, word, granted=False)
    fresh = changed | refuse_by_mailbox(connection, asked)
    data = {"topic": word.topic, "source": word.source}
    add_events(
        connection,
        (
            OutboxEvent(OutboundEvent.UNSUBSCRIBED, f"{key}/{word.topic}/{to_micros(word.at)}", word.at, key, data=data)
            for key in sorted(fresh)
        ),
    )
    return fresh


def refuse_by_mailbox(connection: Connection, customer_ids: Collection[int]) -> set[int]:
    """Applies the opt-outs of these clients to their present mailboxes; returns those for whom that is new."""
    theirs = consents.join(customers, customers.c.id == consents.c.customer_id)
    rows = (
        select(customers.c.email_hash, consents.c.topic, func.min(consents.c.at), func.min(consents.c.source))
        .select_from(theirs)
        .where(
            customers.c.id.in_(ids(connection, customer_ids)),
            consents.c.granted.is_(False),
            customers.c.email_hash.is_not(None),
        )
        .group_by(customers.c.email_hash, consents.c.topic)
    )
    statement = insert(connection, refusals).from_select(["email_hash", "topic", "at", "source"], rows)
    fresh = connection.scalars(statement.on_conflict_do_nothing().returning(refusals.c.email_hash)).all()
    if not fresh:
        return set()
    affected = and_(customers.c.id.in_(ids(connection, customer_ids)), customers.c.email_hash.in_(sorted(set(fresh))))
    return set(connection.scalars(select(customers.c.id).where(affected)))


def grant_imported(
    connection: Connection, customer_ids: Iterable[int], word: ConsentRecord, dates: Dates | None = None
) -> set[int]:
    """Records consent from a file, only where neither client nor mailbox decided before; returns those clients."""
    refused = select(customers.c.id).join(refusals, refusals.c.email_hash == customers.c.email_hash)
    asked = set(customer_ids)
    already_refused = refused.where(customers.c.id.in_(ids(connection, asked)), refusals.c.topic == word.topic)
    free = asked - set(connection.scalars(already_refused))
    statement = _consents_for(connection, free, word, granted=True, dates=dates)
    fresh = set(connection.scalars(statement.on_conflict_do_nothing().returning(consents.c.customer_id)))
    write_log(connection, fresh, word, granted=True)
    return fresh


def suppress(
    connection: Connection, email_hash: str, scope: Scope, reason: str, at: datetime, detail: str | None = None
) -> bool:
    """Suppresses the address; a wider scope replaces a narrower one, erasure any reason. Returns whether it is new."""
    return bool(suppress_all(connection, [Suppression(email_hash, scope, reason, at, detail)], at))


def suppress_all(
    connection: Connection, new_suppressions: Iterable[Suppression], now: datetime, log_detail: Detail | None = None
) -> set[str]:
    """`suppress` for many distinct addresses; returns the hashes for which it is new.

    `log_detail` is added to the details of the lines in the log, together with each suppression's detail.
    """
    asked = {bar.email_hash: bar for bar in new_suppressions}
    rows = [[bar.email_hash, bar.scope, bar.reason, to_micros(bar.at), bar.detail] for bar in asked.values()]
    given = rowset(connection, "given", _SUPPRESSION, rows)
    statement = insert(connection, suppressions).from_select(
        list(_SUPPRESSION), select(given).where(given.c.email_hash.is_not(None))
    )
    fresh = statement.excluded
    wider = and_(suppressions.c.scope == MARKETING, fresh.scope == "all")
    erased = and_(suppressions.c.reason != ERASED, fresh.reason == ERASED)
    changed = set(
        connection.scalars(
            statement.on_conflict_do_update(
                index_elements=["email_hash"],
                set_={
                    "scope": case((suppressions.c.scope == "all", "all"), else_=fresh.scope),
                    "reason": case((suppressions.c.reason == ERASED, ERASED), else_=fresh.reason),
                    "at": fresh.at,
                    "detail": fresh.detail,
                },
                where=or_(wider, erased),
            ).returning(suppressions.c.email_hash)
        )
    )
    for customer_id, email_hash in with_addresses(connection, changed):
        bar = asked[email_hash]
        detail = {
            "suppressed": bar.scope,
            **(log_detail or {}),
            **({"why": bar.detail} if log_detail and bar.detail else {}),
        }
        write_log(connection, [customer_id], ConsentRecord(ADDRESS, now, bar.reason, detail), granted=False)
    return changed


def with_addresses(connection: Connection, email_hashes: Iterable[str]) -> list[tuple[int, str]]:
    """The clients who have these addresses now, each with the hash."""
    known = lookup(connection, customers.c.email_hash, email_hashes, customers.c.id)
    return sorted((key, email_hash) for email_hash, found in known.items() for key in found)


def suppress_customer(
    connection: Connection, customer_id: int, scope: Scope, reason: str, at: datetime, detail: str | None = None
) -> bool:
    """Suppresses a client's present address; returns whether it is new."""
    address = connection.scalar(select(customers.c.email_hash).where(customers.c.id == customer_id))
    return address is not None and suppress(connection, address, scope, reason, at, detail)


def erase(connection: Connection, customer_id: int, now: datetime) -> None:
    """Erases the person and keeps the counts: ledger rows stay without personal data.

    Claimed emails of every kind are recalled. The address stays suppressed by its hash, also if it is
    imported again. Raises NotFound.
    """
    person = connection.execute(
        select(customers.c.external_id, customers.c.email_hash, customers.c.uid).where(customers.c.id == customer_id)
    ).first()
    if person is None:
        raise NotFound("customer", str(customer_id))
    withdraw(connection, customer_id, MARKETING, at=now, source=ERASED)
    if person.email_hash:
        suppress(connection, person.email_hash, "all", ERASED, now)
    recall(connection, customer_id, list(Kind))
    name = f"erased-{customer_id}" if "@" in person.external_id else person.external_id
    uid = new_uid() if "@" in person.uid else person.uid
    connection.execute(delete(aliases).where(aliases.c.customer_id == customer_id, aliases.c.external_id.contains("@")))
    connection.execute(
        update(customers).where(customers.c.id == customer_id).values(forgotten(now)).values(external_id=name, uid=uid)
    )
    mentions = promises.c.detail.contains("@")
    quiet = {"data": None, "provider": "", "detail": case((mentions, None), else_=promises.c.detail)}
    connection.execute(update(promises).where(promises.c.customer_id == customer_id).values(quiet))
    promise_ids = select(promises.c.id).where(promises.c.customer_id == customer_id)
    connection.execute(delete(copies).where(copies.c.promise_id.in_(promise_ids)))
    connection.execute(update(hits).where(hits.c.promise_id.in_(promise_ids)).values(link=None, told=True))
    connection.execute(update(notifications).where(notifications.c.promise_id.in_(promise_ids)).values(words=None))
    forget_decisions(connection, customer_id, now)
    _forget_values(connection, customer_id)
    for table in (preferences, signups):
        connection.execute(delete(table).where(table.c.customer_id == customer_id))
    for table in (events, purchases):
        connection.execute(update(table).where(table.c.customer_id == customer_id).values(data={}))
    connection.execute(update(consent_log).where(consent_log.c.customer_id == customer_id).values(detail=None))
    audit.forget(connection, customer_id, person.email_hash)
    erase_messages(connection, customer_id)
    facts.refresh(connection, [customer_id])  # answers and granted points were in the deleted data


def forgotten(now: datetime) -> dict[str, Any]:
    """The column values of an erased client; the address's hash and the outside id are kept."""
    bare = dict.fromkeys(column.name for column in customers.c if column.name not in _SURVIVING)
    return {**bare, "attrs": {}, "updated_at": now, "erased_at": now}


def _forget_values(connection: Connection, customer_id: int) -> None:
    """Watched values of `each` campaigns can be personal data, and are in the occurrences of their promises."""
    watched = exists().where(
        values_seen.c.customer_id == customer_id,
        values_seen.c.campaign == promises.c.campaign,
        values_seen.c.value == promises.c.occurrence,
    )
    nameless = literal("erased-") + cast(promises.c.id, Text)
    connection.execute(
        update(promises).where(promises.c.customer_id == customer_id, watched).values(occurrence=nameless)
    )
    in_sequence = exists().where(
        values_seen.c.customer_id == customer_id,
        values_seen.c.campaign == decisions.c.campaign,
        values_seen.c.value == decisions.c.occurrence,
    )
    nameless = literal("erased-") + cast(decisions.c.id, Text)
    connection.execute(
        update(decisions).where(decisions.c.customer_id == customer_id, in_sequence).values(occurrence=nameless)
    )
    connection.execute(delete(values_seen).where(values_seen.c.customer_id == customer_id))


def still_erased() -> ColumnElement[bool]:
    """For a client who was erased: whether the erasure still holds (no operator has lifted it)."""
    suppressed = select(suppressions.c.email_hash).where(
        suppressions.c.email_hash == customers.c.email_hash, suppressions.c.reason == ERASED
    )
    return and_(customers.c.erased_at.is_not(None), or_(customers.c.email_hash.is_(None), suppressed.exists()))


def _consents_for(
    connection: Connection,
    customer_ids: Iterable[int],
    word: ConsentRecord,
    *,
    granted: bool,
    dates: Dates | None = None,
) -> Any:
    """An INSERT of the same decision for many clients, some with dates of their own; unknown ones are skipped."""
    columns = {"topic": word.topic, "granted": granted, "at": word.at, "source": word.source}
    values: dict[str, ColumnElement[Any]] = {
        name: literal(value, consents.c[name].type) for name, value in columns.items()
    }
    clients: FromClause = customers
    asked = customers.c.id.in_(ids(connection, customer_ids)) if not dates else customers.c.id.is_not(None)
    if dates:
        rows = [[key, to_micros(dates.get(key, word.at))] for key in customer_ids]
        dated = rowset(connection, "dated", {"customer_id": Key, "at": consents.c.at.type}, rows)
        clients = dated.join(customers, customers.c.id == dated.c.customer_id)
        values["at"] = dated.c.at
    decided = (
        select(customers.c.id, *(value.label(name) for name, value in values.items())).select_from(clients).where(asked)
    )
    return insert(connection, consents).from_select(["customer_id", *columns], decided)


def write_log(connection: Connection, customer_ids: Iterable[int], word: ConsentRecord, *, granted: bool) -> None:
    """A line in the log for each of the clients."""
    detail = dict(word.detail) if word.detail else None
    act = {"topic": word.topic, "granted": granted, "at": word.at, "source": word.source, "detail": detail}
    rows = [{"customer_id": key, **act} for key in sorted(customer_ids)]
    if rows:
        connection.execute(consent_log.insert(), rows)
