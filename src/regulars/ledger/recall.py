"""Taking a client's emails back out of workers' hands, because the client has just said something about them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, update

from regulars.db.states import State
from regulars.db.tables import claims, promises


def recall(connection: Connection, customer_id: int, kinds: Collection[str] = ("marketing",)) -> int:
    """Takes the client's emails of these kinds out of the claims that hold them; the number of them.

    The worker that held them finds them gone when it begins their chunk (the fence), and whoever claims them next
    asks about rights again. What is being sent is with the server already.
    """
    theirs = select(promises.c.id).where(
        promises.c.customer_id == customer_id,
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
