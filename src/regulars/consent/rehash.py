"""Recomputes address hashes when the normalisation changes: for addresses in other scripts.

The hash of ASCII addresses does not change. Others were hashed in a spelling that another file could write differently;
their suppressions and refusals are copied to the hash of the normalised spelling, and their draws move there.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, bindparam, select, update

from regulars.core import ids
from regulars.db.engine import insert
from regulars.db.tables import customers, refusals, suppressions
from regulars.ledger.assignments import move_assignments

_SAMPLE = 20
"""Number of addresses with which the secret is verified."""


def hashed_with(connection: Connection, secret: bytes) -> bool:
    """Whether some of the latest addresses were hashed with this secret; true without addresses."""
    known = (customers.c.email.is_not(None), customers.c.email_hash.is_not(None))
    latest = select(customers.c.email, customers.c.email_hash).where(*known).order_by(customers.c.id.desc())
    rows = [row for row in connection.execute(latest.limit(_SAMPLE)) if row.email.isascii()]
    return not rows or any(ids.address_hash(row.email, secret) == row.email_hash for row in rows)


def rehash_addresses(connection: Connection, secret: bytes) -> int:
    """Updates the hash of every address to its normalised spelling; returns the number of changes."""
    rows = connection.execute(
        select(customers.c.id, customers.c.email, customers.c.email_hash).where(customers.c.email.is_not(None))
    )
    changed = [
        {"key": row.id, "old": row.email_hash, "new": new}
        for row in rows
        if not row.email.isascii() and (new := ids.address_hash(row.email, secret)) != row.email_hash
    ]
    if not changed:
        return 0
    renewed = update(customers).where(customers.c.id == bindparam("key"))
    connection.execute(renewed.values(email_hash=bindparam("new")), changed)
    for table in (suppressions, refusals):
        for row in changed:
            _copy(connection, table, row["old"], row["new"])
    for row in changed:
        if row["old"] is not None:
            move_assignments(connection, row["old"], row["new"])
    return len(changed)


def _copy(connection: Connection, table: Table, old: str, new: str) -> None:
    for row in connection.execute(select(table).where(table.c.email_hash == old)).mappings().all():
        statement = insert(connection, table).values({**row, "email_hash": new})
        connection.execute(statement.on_conflict_do_nothing())
