"""Suppressions by operators and programs: add, lift, list.

Only keyed hashes of addresses are stored: a suppression concerns the clients who have the address now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, and_, delete, func, select, update

from regulars.consent.rights import (
    ADDRESS,
    ERASED,
    MARKETING,
    ConsentRecord,
    Suppression,
    suppress_all,
    with_addresses,
    write_log,
)
from regulars.db.rowset import rowset
from regulars.db.tables import customers, notifications, refusals, suppressions
from regulars.ledger.recall import recall_mailboxes
from regulars.rules.model import Kind


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The result of adding suppressions: the hashes for which they are new, and the number of recalled emails."""

    changed: frozenset[str]
    recalled: int


@dataclass(frozen=True, slots=True)
class Lifted:
    """The result of lifting suppressions, as numbers of addresses; `erased` ones stay unless requested.

    `forgiven` is the number of bounces that no longer count against them.
    """

    lifted: int
    not_suppressed: int
    erased: int
    forgiven: int = 0


@dataclass(frozen=True, slots=True)
class ListedSuppression:
    """A suppression, with the external ids of the clients who have the address now."""

    suppression: Suppression
    clients: tuple[str, ...]


def unwilling(connection: Connection, email_hashes: Collection[str], topics: Collection[str]) -> set[tuple[str, str]]:
    """The pairs of mailbox and topic for which marketing is refused, or the address suppressed; whoever has it."""
    refused = select(refusals.c.email_hash, refusals.c.topic).where(
        refusals.c.email_hash.in_(sorted(email_hashes)), refusals.c.topic.in_(sorted({MARKETING, *topics}))
    )
    suppressed = select(suppressions.c.email_hash).where(suppressions.c.email_hash.in_(sorted(email_hashes)))
    everything = set(connection.scalars(suppressed))
    found = {(mailbox, topic) for mailbox, topic in connection.execute(refused)}
    everything |= {mailbox for mailbox, topic in found if topic == MARKETING}
    return found | {(mailbox, topic) for mailbox in everything for topic in topics}


def add_suppressions(connection: Connection, added: Iterable[Suppression], *, now: datetime, by: str) -> Suppressed:
    """Suppresses the addresses and recalls emails that they forbid. `by` is the source, for the log.

    The log has a line for each client with one of the addresses.
    """
    asked = list(added)
    changed = suppress_all(connection, asked, now, {"by": by})
    marketing = {bar.email_hash for bar in asked if bar.scope == MARKETING} & changed
    recalled = recall_mailboxes(connection, changed - marketing, list(Kind))
    recalled += recall_mailboxes(connection, marketing, [Kind.MARKETING])
    return Suppressed(frozenset(changed), recalled)


def lift_suppressions(
    connection: Connection, email_hashes: Collection[str], *, now: datetime, by: str, why: str, erased: bool = False
) -> Lifted:
    """Lifts the suppression of the addresses; those of erased people only with `erased`.

    Consent is not restored: unsubscribed clients stay unsubscribed. Their bounces so far no longer count.
    """
    hashes = set(email_hashes)
    listed = suppressions.c.email_hash.in_(_hashes(connection, hashes))
    liftable = listed if erased else and_(listed, suppressions.c.reason != ERASED)
    gone = {
        row.email_hash: row
        for row in connection.execute(
            delete(suppressions)
            .where(liftable)
            .returning(suppressions.c.email_hash, suppressions.c.scope, suppressions.c.reason)
        )
    }
    for customer_id, email_hash in with_addresses(connection, gone):
        row = gone[email_hash]
        detail = {"unsuppressed": row.scope, "was": row.reason, "why": why}
        write_log(connection, [customer_id], ConsentRecord(ADDRESS, now, by, detail), granted=True)
    kept = connection.scalar(select(func.count()).select_from(suppressions).where(listed)) or 0
    return Lifted(len(gone), len(hashes) - len(gone) - kept, kept, _forgive(connection, hashes))


def _forgive(connection: Connection, email_hashes: Collection[str]) -> int:
    """Bounces of these addresses count no longer; returns their number."""
    counted = and_(
        notifications.c.email_hash.in_(_hashes(connection, email_hashes)), notifications.c.forgiven.is_(False)
    )
    return connection.execute(update(notifications).where(counted).values(forgiven=True)).rowcount


def suppression_of(connection: Connection, email_hash: str) -> ListedSuppression | None:
    """The suppression of an address, or None."""
    found = _listed(connection, _select().where(suppressions.c.email_hash == email_hash))
    return found[0] if found else None


def list_suppressions(connection: Connection, reason: str | None = None) -> list[ListedSuppression]:
    """All suppressions, or those with the reason; the latest first."""
    query = _select()
    return _listed(connection, query if reason is None else query.where(suppressions.c.reason == reason))


def _select() -> Select[Any]:
    present = and_(customers.c.email_hash == suppressions.c.email_hash, customers.c.erased_at.is_(None))
    return (
        select(*suppressions.c, customers.c.external_id)
        .select_from(suppressions.outerjoin(customers, present))
        .order_by(suppressions.c.at.desc(), suppressions.c.email_hash, customers.c.external_id)
    )


def _listed(connection: Connection, query: Select[Any]) -> list[ListedSuppression]:
    clients: dict[Suppression, list[str]] = {}
    for row in connection.execute(query):
        known = clients.setdefault(Suppression(row.email_hash, row.scope, row.reason, row.at, row.detail), [])
        if row.external_id is not None:
            known.append(row.external_id)
    return [ListedSuppression(found, tuple(names)) for found, names in clients.items()]


def _hashes(connection: Connection, email_hashes: Iterable[str]) -> Select[Any]:
    rows = [[one] for one in sorted(email_hashes)]
    return select(rowset(connection, "given_hashes", {"email_hash": Text()}, rows).c.email_hash)
