"""The export of all data stored about one person, as JSON-ready data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, select

from regulars.core.errors import NotFound
from regulars.db.tables import (
    aliases,
    assignments,
    audit_log,
    consent_log,
    consents,
    coupons,
    customers,
    decisions,
    events,
    facts,
    hits,
    managers,
    notifications,
    preferences,
    products,
    promises,
    purchase_lines,
    purchases,
    signups,
    webhook_messages,
    worth,
)

_INSIDE = {
    "id",
    "uid",
    "customer_id",
    "bucket",
    "email_hash",
    "mailbox",
    "digest",
    "manager_id",
    "claim_id",
    "source_id",
    "next_product_id",
    "who",
    "data",
}
"""Internal keys and numbers without information about the person; `data` is included where it is theirs."""
_TABLES: Mapping[str, tuple[Table, tuple[str, ...]]] = {
    "aliases": (aliases, ()),
    "consents": (consents, ()),
    "consent_log": (consent_log, ()),
    "preferences": (preferences, ()),
    "signups": (signups, ()),
    "facts": (facts, ()),
    "worth": (worth, ()),
    "events": (events, ("data",)),
    "emails": (promises, ()),
    "decisions": (decisions, ()),
    "coupons": (coupons, ()),
    "experiments": (assignments, ()),
    "done_by_people": (audit_log, ()),
    "webhooks": (webhook_messages, ("data",)),
}


def export(connection: Connection, customer: int) -> dict[str, Any]:
    """The data of the client, by kind. Raises NotFound."""
    person = connection.execute(select(customers).where(customers.c.id == customer)).mappings().first()
    if person is None:
        raise NotFound("customer", str(customer))
    found: dict[str, Any] = {"customer": {**_plain(person), **_manager(connection, person["manager_id"])}}
    for name, (table, also) in _TABLES.items():
        query = select(table).where(table.c.customer_id == customer).order_by(*table.primary_key)
        found[name] = [_plain(row, also) for row in connection.execute(query).mappings()]
    found["purchases"] = _purchases(connection, customer)
    clicks = hits.join(promises, promises.c.id == hits.c.promise_id)
    query = select(hits).select_from(clicks).where(promises.c.customer_id == customer).order_by(hits.c.id)
    found["clicks"] = [_plain(row) for row in connection.execute(query).mappings()]
    came_back = notifications.join(promises, promises.c.id == notifications.c.promise_id)
    query = select(notifications).select_from(came_back).where(promises.c.customer_id == customer)
    found["returned_emails"] = [
        _plain(row) for row in connection.execute(query.order_by(notifications.c.id)).mappings()
    ]
    return found


def _manager(connection: Connection, manager: int | None) -> dict[str, Any]:
    """The client's manager: outside id and name."""
    query = select(managers.c.external_id, managers.c.name).where(managers.c.id == manager)
    row = connection.execute(query).first() if manager is not None else None
    return {} if row is None else {"manager": row.external_id, "manager_name": row.name}


def _purchases(connection: Connection, customer: int) -> list[dict[str, Any]]:
    query = (
        select(purchase_lines.c.purchase_id, products.c.sku, products.c.name, purchase_lines.c.quantity)
        .join(products, products.c.id == purchase_lines.c.product_id)
        .join(purchases, purchases.c.id == purchase_lines.c.purchase_id)
        .where(purchases.c.customer_id == customer)
        .order_by(purchase_lines.c.purchase_id, purchase_lines.c.line)
    )
    lines: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        lines.setdefault(row["purchase_id"], []).append({k: row[k] for k in ("sku", "name", "quantity")})
    bought = select(purchases).where(purchases.c.customer_id == customer).order_by(purchases.c.id)
    rows = connection.execute(bought).mappings()
    return [{**_plain(row, ("data",)), "products": lines.get(row["id"], [])} for row in rows]


def _plain(row: Mapping[Any, Any], also: tuple[str, ...] = ()) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in _INSIDE or name in also}
    return {str(name): _value(value) for name, value in kept.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, date):  # and datetime, which is one
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
