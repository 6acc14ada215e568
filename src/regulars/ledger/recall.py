"""Taking a client's emails back out of workers' hands, because the client has just said something about them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, and_, select, update

from regulars.ledger.states import State
from regulars.store.tables import claims, promises


def recall(connection: Connection, customer_id: int, kinds: Collection[str] = ("marketing",)) -> int:
    """Returns the client's claimed emails of these kinds to `planned`; the number of them.

    The worker that held them finds them gone when it begins their chunk (the fence), and whoever claims them next
    asks about rights again. What is being sent is with the server already.
    """
    theirs = and_(
        promises.c.customer_id == customer_id,
        promises.c.state == State.CLAIMED,
        promises.c.kind.in_(sorted(kinds)),
        promises.c.recipient == "customer",
    )
    held = connection.execute(
        select(claims.c.id, claims.c.sending)
        .where(claims.c.id.in_(select(promises.c.claim_id).where(theirs)))
        .order_by(claims.c.id)
        .with_for_update()
    ).all()
    begun = [row for claim in held for row in claim.sending or []]
    still = and_(theirs, promises.c.claim_id.in_([claim.id for claim in held]), promises.c.id.not_in(begun))
    return connection.execute(update(promises).where(still).values(state=State.PLANNED, claim_id=None)).rowcount
