"""Recall: takes a client's emails out of claims, because the client's consent or state has just changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Connection, Text, select, update

from regulars.db.rowset import rowset
from regulars.db.states import State
from regulars.db.tables import claims, customers, promises
from regulars.profile.shared_mailbox import with_same_mailbox


def recall(connection: Connection, customer_id: int, kinds: Collection[str] = ("marketing",)) -> int:
    """Takes the emails of these kinds to the client's mailbox out of claims; returns their number.

    The worker with the claim finds them missing when it begins their chunk (the fence), and the next claim
    checks consent again. Emails being sent cannot be recalled.
    """
    return _take_back(connection, promises.c.customer_id.in_(with_same_mailbox(customer_id)), kinds)


def recall_mailboxes(connection: Connection, email_hashes: Collection[str], kinds: Collection[str]) -> int:
    """`recall` for all clients whose addresses have these hashes."""
    if not email_hashes:
        return 0
    given = rowset(connection, "mailboxes", {"email_hash": Text()}, [[one] for one in sorted(email_hashes)])
    theirs = select(customers.c.id).join_from(given, customers, customers.c.email_hash == given.c.email_hash)
    return _take_back(connection, promises.c.customer_id.in_(theirs), kinds)


def _take_back(connection: Connection, chosen: ColumnElement[bool], kinds: Collection[str]) -> int:
    theirs = select(promises.c.id).where(
        chosen,
        promises.c.state == State.PLANNED,
        promises.c.kind.in_(sorted(kinds)),
        promises.c.recipient == "customer",
    )
    return recall_promises(connection, connection.scalars(theirs).all())


def recall_promises(connection: Connection, ids: Iterable[int]) -> int:
    """`recall` for these promises, whoever they are for."""
    wanted = set(ids)
    if not wanted:
        return 0
    recalled = 0
    for held in connection.execute(select(claims).order_by(claims.c.id).with_for_update()).all():
        gone = wanted.intersection(held.rows).difference(held.sending or ())
        if gone:
            left = [row for row in held.rows if row not in gone]
            connection.execute(update(claims).where(claims.c.id == held.id).values(rows=left))
            recalled += len(gone)
    return recalled
