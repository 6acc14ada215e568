"""Possible duplicates: clients who share an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import Connection, func, select

from regulars.db.tables import customers, facts
from regulars.profile.identity import PERSONAL, different_people


@dataclass(frozen=True, slots=True)
class DuplicateClient:
    """One of several clients with one address."""

    external_id: str
    name: str | None
    birthday: date | None
    since: datetime
    purchases: int
    last_purchase_at: datetime | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An address of several clients; the oldest client first."""

    address: str
    clients: tuple[DuplicateClient, ...]
    different: bool
    """Whether names or birthdays differ."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The name and address of a client."""

    external_id: str
    name: str | None
    email: str | None


def contact(connection: Connection, customer_id: int) -> Contact:
    """The name and address of the client."""
    columns = customers.c["external_id", "name", "first_name", "last_name", "email"]
    row = connection.execute(select(*columns).where(customers.c.id == customer_id)).one()
    return Contact(row.external_id, row.name or _full(row.first_name, row.last_name), row.email)


def list_duplicates(connection: Connection) -> list[Duplicate]:
    """Every address of several clients (erased ones apart), by address."""
    several = (
        select(customers.c.email_hash)
        .where(customers.c.email_hash.is_not(None), customers.c.erased_at.is_(None))
        .group_by(customers.c.email_hash)
        .having(func.count() > 1)
    )
    columns = [customers.c[name] for name in ("external_id", "email", "email_hash", "created_at", *PERSONAL)]
    rows = connection.execute(
        select(*columns, facts.c.purchases, facts.c.last_purchase_at)
        .select_from(customers.outerjoin(facts, facts.c.customer_id == customers.c.id))
        .where(customers.c.email_hash.in_(several), customers.c.erased_at.is_(None))
        .order_by(customers.c.email_hash, customers.c.id)
    ).mappings()
    found = []
    for _, group in groupby(rows, key=lambda row: row["email_hash"]):
        people = [dict(row) for row in group]
        different = any(
            different_people(one, other) for place, one in enumerate(people) for other in people[place + 1 :]
        )
        clients = tuple(
            DuplicateClient(
                row["external_id"], row["name"] or _full(row["first_name"], row["last_name"]), row["birthday"],
                row["created_at"], row["purchases"] or 0, row["last_purchase_at"],
            )
            for row in people
        )  # fmt: skip
        found.append(Duplicate(people[0]["email"], clients, different))
    return sorted(found, key=lambda one: one.address.casefold())


def _full(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None
