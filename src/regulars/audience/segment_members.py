"""Who was in a segment at an earlier plan: rows of `members`, under a key that no campaign can have.

Kept only for segments that a `left_segment` asks about. The rows are never mailed; `left_at` is none while the client
is in the segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, FromClause, Text, exists, literal, select, type_coerce
from sqlalchemy.sql import ColumnElement

from regulars.db.tables import members

_PREFIX = "segment:"


def key(segment: str) -> str:
    """The key of a segment in `members`."""
    return f"{_PREFIX}{segment}"


def was_in(segment: str, customers: FromClause, now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a plan up to `now`, in microseconds, found the client in the segment."""
    stay = members.alias()
    found = exists().where(
        stay.c.campaign == literal(key(segment), Text),
        stay.c.customer_id == customers.c.id,
        type_coerce(stay.c.entered_at, BigInteger) <= now,
    )
    return found.correlate(customers)


def segments_of(connection: Connection, ids: Iterable[int], now: datetime) -> Mapping[int, frozenset[str]]:
    """The segments in which plans up to `now` found each of these clients."""
    rows = connection.execute(
        select(members.c.customer_id, members.c.campaign).where(
            members.c.customer_id.in_(list(ids)),
            members.c.campaign.startswith(_PREFIX, autoescape=True),
            members.c.entered_at <= now,
        )
    )
    found: dict[int, set[str]] = {}
    for customer, campaign in rows:
        found.setdefault(customer, set()).add(campaign.removeprefix(_PREFIX))
    return {customer: frozenset(names) for customer, names in found.items()}
