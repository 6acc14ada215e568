"""Looking at some clients only, and at nothing after an instant: what every fact's SELECT does to the rows it reads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table

Restriction = Select[Any] | Collection[int]
"""Some clients: their ids, or a SELECT of one column of them."""


def upto(
    query: Select[Any], table: Table, now: datetime | None = None, customer_ids: Restriction | None = None
) -> Select[Any]:
    """The query over what happened up to `now` (None: ever), to these clients (None: all)."""
    if now is not None:
        query = query.where(table.c.occurred_at <= now)
    return query if customer_ids is None else query.where(table.c.customer_id.in_(customer_ids))
