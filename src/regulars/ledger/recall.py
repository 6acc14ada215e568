"""Taking a client's emails back out of workers' hands, because the client has just said something about them."""

from __future__ import annotations

from sqlalchemy import Connection, update

from regulars.ledger.states import State
from regulars.store.tables import promises


def recall(connection: Connection, customer_id: int) -> int:
    """Returns the client's claimed marketing emails to `planned`; the number of them.

    The worker that held them finds them gone when it begins their chunk (the fence), and whoever claims them next
    asks about rights again. What is `sending` is with the server already.
    """
    return connection.execute(
        update(promises)
        .where(
            promises.c.customer_id == customer_id,
            promises.c.state == State.CLAIMED,
            promises.c.kind == "marketing",
            promises.c.recipient == "customer",
        )
        .values(state=State.PLANNED, claim_id=None)
    ).rowcount
