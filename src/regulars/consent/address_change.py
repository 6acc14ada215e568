"""What applied to a person's former mailbox applies to their new one: opt-outs and suppressions, but not bounces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, FromClause, select

from regulars.consent.rights import ADDRESS, ConsentRecord, Suppression, suppress_all, with_addresses, write_log
from regulars.db.engine import insert
from regulars.db.rowset import lookup
from regulars.db.states import SuppressionReason
from regulars.db.tables import customers, refusals, suppressions

_WHY = {"with": "their former address"}
"""In the details of the lines in the log."""


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A client, and the keyed hashes of their former and new address."""

    client: int
    former: str
    new: str


def changed_mailboxes(connection: Connection, given: FromClause) -> list[AddressChange]:
    """Each client whose row in `given` has another address."""
    changes = (
        select(customers.c.id, customers.c.email_hash, given.c.email_hash)
        .join(given, given.c.external_id == customers.c.external_id)
        .where(customers.c.email_hash.is_not(None), given.c.email_hash != customers.c.email_hash)
        .order_by(customers.c.id)
    )
    return [AddressChange(*row) for row in connection.execute(changes)]


def carry_opt_outs(
    connection: Connection, changes: Iterable[AddressChange], now: datetime, source: str
) -> dict[int, set[str]]:
    """Copies opt-outs and suppressions from each former mailbox to the new one; by client, the topics that are new.

    Where several people share the former address it is unknown whose opt-out it was: it applies to each of them until
    they give consent in person. A bounce says nothing about another mailbox. The log has a line for each client and
    right that is new; `source` is theirs.
    """
    moved = list(changes)
    formers = {change.former for change in moved}
    refused = lookup(connection, refusals.c.email_hash, formers, *(refusals.c[n] for n in ("topic", "at", "source")))
    fresh: dict[int, set[str]] = {}
    for change in moved:
        for topic, at, origin in refused.get(change.former, ()):
            row = {"email_hash": change.new, "topic": topic, "at": at, "source": origin}
            statement = insert(connection, refusals).values(row).on_conflict_do_nothing()
            if connection.scalar(statement.returning(refusals.c.topic)) is not None:
                fresh.setdefault(change.client, set()).add(topic)
                write_log(connection, [change.client], ConsentRecord(topic, now, source, _WHY), granted=False)
    _carry_suppressions(connection, moved, now)
    return fresh


def _carry_suppressions(connection: Connection, moved: Iterable[AddressChange], now: datetime) -> None:
    """Suppression logs those who have an address already; a client who gets it by this change has a line, too."""
    by_former: dict[str, list[AddressChange]] = {}
    for change in moved:
        by_former.setdefault(change.former, []).append(change)
    columns = [suppressions.c[name] for name in ("scope", "reason", "at", "detail")]
    found = lookup(connection, suppressions.c.email_hash, by_former, *columns)
    for former, rows in sorted(found.items()):
        for scope, reason, at, detail in rows:
            if reason == SuppressionReason.BOUNCED:
                continue
            for change in by_former[former]:
                if suppress_all(connection, [Suppression(change.new, scope, reason, at, detail)], now):
                    _log_suppression(connection, change, scope, reason, now)


def _log_suppression(connection: Connection, change: AddressChange, scope: str, reason: str, now: datetime) -> None:
    if change.client not in {key for key, _ in with_addresses(connection, [change.new])}:
        record = ConsentRecord(ADDRESS, now, reason, {"suppressed": scope, **_WHY})
        write_log(connection, [change.client], record, granted=False)
