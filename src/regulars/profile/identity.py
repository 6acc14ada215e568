"""Identity of clients: which client an outside id names, and whether rows are about the same person.

A client has one outside id of the present (`customers.external_id`) and may have aliases: further ids under which
shops, tills and files name the same person. All look-ups by outside id are here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Text, func, select

from regulars.core.errors import NotFound, RegularsError
from regulars.db.rowset import rowset
from regulars.db.tables import aliases, customers

_SIGNED_UP = re.compile(r"signup-[0-9a-f]{24}")
"""Prefix of outside ids of clients known only by a sign-up form; `consent.signups` draws them."""
PERSONAL = ("name", "first_name", "last_name", "birthday")
"""Fields that distinguish persons."""


def clients_named(connection: Connection, names: Iterable[str], *values: ColumnElement[Any]) -> dict[str, Any]:
    """For each outside id or alias of a client: the `values`, a row of them or, of one, the value itself."""
    wanted = {name for name in names if name}
    found = _named(connection, customers.c.external_id, customers.c.id, wanted, values)
    return found | _named(connection, aliases.c.external_id, aliases.c.customer_id, wanted - set(found), values)


def _named(
    connection: Connection, name: Column[Any], key: Column[Any], wanted: set[str], values: Iterable[ColumnElement[Any]]
) -> dict[str, Any]:
    if not wanted:
        return {}
    columns = list(values)
    given = rowset(connection, "wanted", {"wanted": Text()}, [[one] for one in sorted(wanted)])
    source = given.join(name.table, name == given.c.wanted)
    if name.table is not customers:
        source = source.join(customers, customers.c.id == key)
    rows = connection.execute(select(name, *columns).select_from(source))
    return {row[0]: row[1] if len(columns) == 1 else row[1:] for row in rows}


def client_named(connection: Connection, name: str) -> int | None:
    """The key of the client with this outside id or alias."""
    return clients_named(connection, [name], customers.c.id).get(name)


def clients_called(connection: Connection, name: str) -> list[int]:
    """The keys of the clients that an outside id, an alias or an address can mean; the oldest first.

    An id names one client; only if it names none, it is read as an address.
    """
    key = client_named(connection, name.strip())
    if key is not None:
        return [key]
    addressed = select(customers.c.id).where(func.lower(customers.c.email) == name.strip().lower())
    return [int(found) for found in connection.scalars(addressed.order_by(customers.c.id))]


def one_client_called(connection: Connection, name: str) -> int:
    """The key of the one client with this outside id, alias or address; raises NotFound for none and for several."""
    found = clients_called(connection, name)
    if len(found) != 1:
        raise NotFound("customer" if not found else "single customer (several have this address)", name)
    return found[0]


def only_addressed(external_id: str) -> bool:
    """Whether the outside id is internal: the client came from a list without ids, or a sign-up form."""
    return "@" in external_id or _SIGNED_UP.fullmatch(external_id) is not None


def different_people(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether names or birthdays differ, where both are known: families and colleagues share mailboxes."""
    pairs = ((one.get(name), other.get(name)) for name in PERSONAL)
    return any(_plain(own) != _plain(known) for own, known in pairs if own and known)


def _plain(value: Any) -> str:
    return " ".join(str(value).casefold().split())


def add_alias(connection: Connection, customer_id: int, external_id: str, *, at: datetime, source: str) -> bool:
    """Adds an alias for the client; returns whether it is new. Raises RegularsError if it names another client."""
    owner = client_named(connection, external_id)
    if owner == customer_id:
        return False
    if owner is not None:
        raise RegularsError(f"`{external_id}` names another client already; `regulars merge` joins the two")
    row = {"external_id": external_id, "customer_id": customer_id, "at": at, "source": source}
    connection.execute(aliases.insert().values(row))
    return True
