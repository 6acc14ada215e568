"""Puts people and what they did into the database, with the fewest words a test can use.

Instants may be given as aware datetimes or as ISO text, which is read as UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from regulars.core import ids
from regulars.db import tables

SECRET = b"a secret for tests only"
START = datetime(2025, 1, 1, tzinfo=UTC)
"""When a client became known, unless the test says otherwise."""

_numbers = count(1)


def moment(value: datetime | date | str) -> datetime:
    """An aware UTC datetime from what a test wrote."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def add_manager(conn: Connection, external_id: str = "m-1", **fields: Any) -> int:
    """A manager; returns the key."""
    return _insert(
        conn,
        tables.managers,
        {"external_id": external_id, "name": "Mira", "email": f"{external_id}@studio.example"} | fields,
    )


def add_customer(conn: Connection, external_id: str | None = None, *, consent: bool = True, **fields: Any) -> int:
    """A client who agreed to marketing (unless `consent` is false); returns the key.

    `manager` may be given by external id, `birthday` as ISO text. Facts are not refreshed.
    """
    name = external_id or f"c-{next(_numbers)}"
    manager = fields.pop("manager", None)
    if manager is not None:
        fields["manager_id"] = _key(conn, tables.managers, "external_id", manager)
    if isinstance(fields.get("birthday"), str):
        fields["birthday"] = date.fromisoformat(fields["birthday"])
    row: dict[str, Any] = {"email": f"{name}@client.example", "created_at": START, "attrs": {}} | fields
    created = moment(row["created_at"])
    row |= {"external_id": name, "uid": name, "bucket": ids.bucket(name), "created_at": created}
    row["updated_at"] = moment(row.get("updated_at", created))
    if row["email"] is not None:
        row.setdefault("email_hash", ids.address_hash(row["email"], SECRET))
    key = _insert(conn, tables.customers, row)
    if consent:
        add_consent(conn, key, at=created)
    return key


def add_consent(
    conn: Connection, customer_id: int, topic: str = "marketing", *, granted: bool = True, at: datetime | str = START
) -> None:
    """The client's latest word on a topic."""
    row = {"customer_id": customer_id, "topic": topic, "granted": granted, "at": moment(at), "source": "test"}
    conn.execute(insert(tables.consents).values(row))


def add_suppression(conn: Connection, email: str, *, scope: str = "all", reason: str = "bounced") -> None:
    """An address that must not be written to."""
    row = {"email_hash": ids.address_hash(email, SECRET), "scope": scope, "reason": reason, "at": START}
    conn.execute(insert(tables.suppressions).values(row))


def add_product(conn: Connection, sku: str, **fields: Any) -> int:
    """A product, named like its sku unless said otherwise; returns the key."""
    return _insert(conn, tables.products, {"sku": sku, "name": sku, "attrs": {}} | fields)


def add_link(
    conn: Connection, sku: str, kind: str, target: str, *, rank: int = 1, after_days: int | None = None
) -> None:
    """`target` follows (`next`) or goes with (`accessory`) the product."""
    row = {
        "product_id": _key(conn, tables.products, "sku", sku),
        "target_id": _key(conn, tables.products, "sku", target),
    }
    conn.execute(insert(tables.product_links).values(row | {"kind": kind, "rank": rank, "after_days": after_days}))


def add_purchase(
    conn: Connection,
    customer_id: int,
    at: datetime | date | str,
    *skus: str,
    amount: Decimal | int | str | None = None,
    **fields: Any,
) -> int:
    """A purchase of products that exist (none is fine too); returns the key."""
    when = moment(at)
    row: dict[str, Any] = {"external_id": f"p-{next(_numbers)}", "received_at": when, "data": {}} | fields
    row |= {"customer_id": customer_id, "occurred_at": when, "received_at": moment(row["received_at"])}
    row["amount"] = None if amount is None else Decimal(amount)
    key = _insert(conn, tables.purchases, row)
    for line, sku in enumerate(skus, start=1):
        product = _key(conn, tables.products, "sku", sku)
        conn.execute(insert(tables.purchase_lines).values(purchase_id=key, line=line, product_id=product, quantity=1))
    return key


def add_event(
    conn: Connection,
    customer_id: int,
    name: str,
    at: datetime | date | str,
    data: Mapping[str, Any] | None = None,
    **fields: Any,
) -> int:
    """Something that happened to or with the client; returns the key."""
    when = moment(at)
    row: dict[str, Any] = {"external_id": f"e-{next(_numbers)}", "received_at": when} | fields
    row |= {"customer_id": customer_id, "name": name, "occurred_at": when, "data": dict(data or {})}
    row["received_at"] = moment(row["received_at"])
    return _insert(conn, tables.events, row)


def _insert(conn: Connection, table: Table, row: Mapping[str, Any]) -> int:
    return int(conn.execute(insert(table).values(dict(row)).returning(table.c.id)).scalar_one())


def _key(conn: Connection, table: Table, column: str, value: str) -> int:
    return int(conn.execute(select(table.c.id).where(table.c[column] == value)).scalar_one())
