"""Filters by client and by instant, which the SELECT of every fact applies to the rows it reads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, any_

Moment = datetime | ColumnElement[Any]
"""An instant, or an SQL expression for one."""

Restriction = Select[Any] | Collection[int] | ColumnElement[Any]
"""Some clients: their ids, a SELECT of one column of them, or (PostgreSQL) an array of them in SQL."""


def among(column: ColumnElement[Any], customer_ids: Restriction) -> ColumnElement[bool]:
    """Whether the column is one of these clients."""
    if isinstance(customer_ids, ColumnElement):
        return column == any_(customer_ids)
    return column.in_(customer_ids)


def as_of_filter(
    query: Select[Any], table: Table, now: Moment | None = None, customer_ids: Restriction | None = None
) -> Select[Any]:
    """The query restricted to rows up to `now` (None: all time) of these clients (None: all)."""
    if now is not None:
        query = query.where(table.c.occurred_at <= now)
    return query if customer_ids is None else query.where(among(table.c.customer_id, customer_ids))
