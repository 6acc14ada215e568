"""Taking a client's emails back out of workers' hands, because the client has just said something about them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Text, select, update

from regulars.db.rowset import rowset
from regulars.db.states import State
from regulars.db.tables import claims, customers, promises
from regulars.profile.shared_mailbox import with_same_mailbox


def recall(connection: Connection, customer_id: int, kinds: Collection[str] = ("marketing",)) -> int:
    """Takes the emails of these kinds to the client's mailbox out of the claims that hold them; the number of them.

    The worker that held them finds them gone when it begins their chunk (the fence), and whoever claims them next
    asks about rights again. What is being sent is with the server already.
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
    wanted = set(connection.scalars(theirs))
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
