"""What applied to a person's former mailbox applies to their new one: opt-outs and suppressions, but not bounces."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, FromClause, select

from regulars.consent.rights import Suppression, suppress_all
from regulars.db.engine import insert
from regulars.db.states import SuppressionReason
from regulars.db.tables import customers, refusals, suppressions


def changed_mailboxes(connection: Connection, given: FromClause) -> list[tuple[str, str]]:
    """The former and the new address hash of each client whose row in `given` has another address."""
    changes = (
        select(customers.c.email_hash, given.c.email_hash)
        .join(given, given.c.external_id == customers.c.external_id)
        .where(customers.c.email_hash.is_not(None), given.c.email_hash != customers.c.email_hash)
    )
    return [(former, new) for former, new in connection.execute(changes)]


def carry_opt_outs(connection: Connection, changes: Iterable[tuple[str, str]], now: datetime) -> set[str]:
    """Copies opt-outs and suppressions from each former mailbox to the new one; returns the topics that are new.

    Where several people share the former address it is unknown whose opt-out it was: it applies to each of them until
    they give consent in person. A bounce says nothing about another mailbox.
    """
    new_of = dict(changes)
    theirs = select(refusals).where(refusals.c.email_hash.in_(sorted(new_of)))
    rows = [{**row, "email_hash": new_of[row["email_hash"]]} for row in connection.execute(theirs).mappings()]
    fresh: set[str] = set()
    for row in rows:
        statement = insert(connection, refusals).values(row).on_conflict_do_nothing()
        fresh |= set(connection.scalars(statement.returning(refusals.c.topic)))
    of_former = select(suppressions).where(
        suppressions.c.email_hash.in_(sorted(new_of)), suppressions.c.reason != SuppressionReason.BOUNCED
    )
    moved = [
        Suppression(**{**row, "email_hash": new_of[row["email_hash"]]})
        for row in connection.execute(of_former).mappings()
    ]
    suppress_all(connection, moved, now)
    return fresh
