"""Clients with the same mailbox, as SQL: consent and limits apply to the address, however many clients have it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Text, and_, cast, func, select

from regulars.db.tables import customers


def mailbox_of(clients: FromClause) -> ColumnElement[str]:
    """The identity of a mailbox: the address's keyed hash, or for a client without address the client."""
    return func.coalesce(clients.c.email_hash, cast(clients.c.id, Text))


def shares_mailbox(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Whether two different clients have the same address."""
    return and_(one.c.email_hash == other.c.email_hash, one.c.id != other.c.id)


def with_same_mailbox(customer_id: int) -> Select[tuple[int]]:
    """The keys of all clients with this client's address, the client's own among them."""
    own_hash: Any = select(customers.c.email_hash).where(customers.c.id == customer_id).scalar_subquery()
    return select(customers.c.id).where((customers.c.id == customer_id) | (customers.c.email_hash == own_hash))
