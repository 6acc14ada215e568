"""What happened to clients, by name: rows of `events`, or of `purchases` when the name is `purchase`.

Both come under the same columns: id, external_id, customer_id, occurred_at, received_at, data.
"""

from __future__ import annotations

from sqlalchemy import Subquery, select

from regulars.store.tables import events, purchases

PURCHASE = "purchase"


def happenings(name: str) -> Subquery:
    """Everything of that name, as a subquery."""
    if name == PURCHASE:
        table, query = purchases, select()
    else:
        table, query = events, select().where(events.c.name == name)
    columns = ("id", "external_id", "customer_id", "occurred_at", "received_at", "data")
    return query.add_columns(*(table.c[c] for c in columns)).subquery("happened")
