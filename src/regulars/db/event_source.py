"""Events by name: rows of `events`, or of `purchases` when the name is `purchase`.

Both have the same columns: id, external_id, customer_id, occurred_at, received_at, data. The data of a
purchase include its amount, currency, quantity and discount.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Subquery, select

from regulars.db.json_fields import regulars_purchase
from regulars.db.tables import events, purchases

PURCHASE = "purchase"


def event_source(name: str) -> Subquery:
    """All events of that name, as a subquery."""
    data: ColumnElement[Any]
    if name == PURCHASE:
        table, query = purchases, select()
        data = regulars_purchase(*(purchases.c[c] for c in ("data", "amount", "currency", "quantity", "discount")))
    else:
        table, query, data = events, select().where(events.c.name == name), events.c.data
    columns = ("id", "external_id", "customer_id", "occurred_at", "received_at")
    return query.add_columns(*(table.c[c] for c in columns), data.label("data")).subquery("happened")
