"""Everything that can leave: rows in the columns that `regulars import` reads, streamed from the database.

Erased clients and what belongs to them are left out; their suppressions stay in the list, by hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Connection, Select, Text, and_, case, func, literal, or_, select
from sqlalchemy.sql.expression import ColumnElement

from regulars.consent.rights import MARKETING
from regulars.db.states import State, SuppressionReason
from regulars.db.tables import (
    aliases,
    consents,
    customers,
    events,
    managers,
    preferences,
    product_links,
    products,
    promises,
    purchase_lines,
    purchases,
    refusals,
    suppressions,
)
from regulars.importing import cell_writing
from regulars.importing.consent_columns import ConsentState
from regulars.importing.exported_hashes import hash_mark
from regulars.importing.order_lines import Line
from regulars.rules.fields import IMPORTED, Origin

_AT_ONCE = 1_000
"""Rows that are fetched together."""
Values = Mapping[str, Any]


class ExportKind(StrEnum):
    """What is exported, in the order in which an empty database imports it."""

    SUPPRESSIONS = "suppressions"
    MANAGERS = "managers"
    PRODUCTS = "products"
    CUSTOMERS = "customers"
    ALIASES = "aliases"
    CONSENTS = "consents"
    PREFERENCES = "preferences"
    PURCHASES = "purchases"
    EVENTS = "events"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Exported:
    """The rows of a kind, and the columns that they can have."""

    columns: tuple[str, ...]
    rows: Iterator[Values]


def export_rows(connection: Connection, kind: ExportKind, secret: bytes) -> Exported:
    """The rows of the kind; `secret` is the one that addresses are hashed with. One row at a time is in memory."""
    return _EXPORTS[kind](connection, secret)


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Values]:
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).mappings():
        yield cast("Values", row)


_nothing = literal(None, Text)
_living = customers.c.erased_at.is_(None)


def _customers(connection: Connection, _: bytes) -> Exported:
    own = _own_fields(connection)
    fields = [
        managers.c.external_id.label(name) if field.origin is Origin.MANAGER else customers.c[field.name].label(name)
        for name, field in IMPORTED.items()
    ]
    opted = and_(consents.c.customer_id == customers.c.id, consents.c.topic == MARKETING)
    refused = and_(refusals.c.email_hash == customers.c.email_hash, refusals.c.topic == MARKETING)
    out: ColumnElement[Any] = case((consents.c.granted.is_(False), consents.c.at), else_=refusals.c.at)
    query = (
        select(
            *fields, customers.c.attrs,
            case((and_(consents.c.granted, refusals.c.at.is_(None)), consents.c.at)).label("subscribed"),
            out.label("unsubscribed"), suppressions.c.reason.label("suppressed"), suppressions.c.scope.label("scope"),
        )
        .select_from(customers)
        .outerjoin(managers, managers.c.id == customers.c.manager_id)
        .outerjoin(consents, opted)
        .outerjoin(refusals, refused)
        .outerjoin(suppressions, suppressions.c.email_hash == customers.c.email_hash)
        .where(_living)
        .order_by(customers.c.id)
    )  # fmt: skip
    columns = (*IMPORTED, "subscribed", "unsubscribed", "suppressed", *own)
    return Exported(columns, map(_customer, _stream(connection, query)))


def _own_fields(connection: Connection) -> list[str]:
    """The names of all fields of the workspace's own that some client has, declared or not."""
    found: set[str] = set()
    for row in _stream(connection, select(customers.c.attrs).where(_living)):
        found |= row["attrs"].keys()
    return sorted(found - IMPORTED.keys())


def _customer(row: Values) -> Values:
    found = {**row["attrs"], **{name: value for name, value in row.items() if name not in ("attrs", "scope")}}
    if row["suppressed"] is not None:
        found["suppressed"] = _suppressed(row["suppressed"], row["scope"])
    return found


def _suppressed(reason: str, scope: str) -> str:
    """A word that the import reads as this suppression, and as no opt-out beside it."""
    if scope == MARKETING:
        return ConsentState.NO_MARKETING
    return ConsentState.BOUNCED if reason == SuppressionReason.BOUNCED else ConsentState.NO_EMAIL


def _suppressions(connection: Connection, secret: bytes) -> Exported:
    theirs = select(func.min(customers.c.email)).where(customers.c.email_hash == suppressions.c.email_hash, _living)
    query = select(
        theirs.scalar_subquery().label("email"),
        literal(f"{hash_mark(secret)}:", Text).concat(suppressions.c.email_hash).label("email_hash"),
        suppressions.c.reason, suppressions.c.scope, suppressions.c.at.label("date"), suppressions.c.detail,
    ).order_by(suppressions.c.email_hash)  # fmt: skip
    columns = ("email", "email_hash", "reason", "scope", "date", "detail")
    return Exported(columns, _stream(connection, query))


def _managers(connection: Connection, _: bytes) -> Exported:
    columns = ("id", "name", "email", "title", "phone", "locale", "timezone")
    query = select(managers.c.external_id.label("id"), *(managers.c[name] for name in columns[1:]))
    return Exported(columns, _stream(connection, query.order_by(managers.c.id)))


def _products(connection: Connection, _: bytes) -> Exported:
    columns = ("sku", "name", "category", "price", "currency", "url", "image_url", "consumable", "launched_at")
    target = products.alias("target")
    query = (
        select(product_links.c.product_id, product_links.c.kind, product_links.c.after_days, target.c.sku)
        .join(target, target.c.id == product_links.c.target_id)
        .order_by(product_links.c.product_id, product_links.c.kind, product_links.c.rank)
    )
    links: dict[tuple[int, str], list[str]] = {}
    for row in _stream(connection, query):  # a catalogue fits into memory
        days = f":{row['after_days']}" if row["after_days"] is not None and row["kind"] == "next" else ""
        links.setdefault((row["product_id"], row["kind"]), []).append(f"{row['sku']}{days}")
    known = _stream(connection, select(products.c.id, *(products.c[name] for name in columns)).order_by(products.c.id))
    rows = (
        {
            **{name: row[name] for name in columns},
            "next": "; ".join(links.get((row["id"], "next"), ())) or None,
            "accessories": "; ".join(links.get((row["id"], "accessory"), ())) or None,
        }
        for row in known
    )
    return Exported((*columns, "next", "accessories"), rows)


def _aliases(connection: Connection, _: bytes) -> Exported:
    query = (
        select(aliases.c.external_id.label("alias"), customers.c.external_id.label("customer"), aliases.c.at,
               aliases.c.source)
        .join(customers, customers.c.id == aliases.c.customer_id)
        .where(_living)
        .order_by(aliases.c.external_id)
    )  # fmt: skip
    return Exported(("alias", "customer", "at", "source"), _stream(connection, query))


def _consents(connection: Connection, secret: bytes) -> Exported:
    """The yes before the no, so that a no stands at the end whatever the order of clients at one address."""
    kept = ("topic", "granted", "at", "source")
    theirs = (
        select(customers.c.external_id.label("customer"), _nothing.label("email_hash"),
               *(consents.c[name] for name in kept), consents.c.wording)
        .join(customers, customers.c.id == consents.c.customer_id)
        .where(_living)
        .order_by(consents.c.customer_id, consents.c.topic)
    )  # fmt: skip
    own_no = (
        select(consents.c.customer_id)
        .join(customers, customers.c.id == consents.c.customer_id)
        .where(customers.c.email_hash == refusals.c.email_hash, consents.c.topic == refusals.c.topic, _living,
               consents.c.granted.is_(False))
    )  # fmt: skip
    mailboxes = (
        select(_nothing.label("customer"),
               literal(f"{hash_mark(secret)}:", Text).concat(refusals.c.email_hash).label("email_hash"),
               refusals.c.topic, literal(False).label("granted"), refusals.c.at, refusals.c.source,
               _nothing.label("wording"))
        .where(~own_no.exists())
        .order_by(refusals.c.email_hash, refusals.c.topic)
    )  # fmt: skip

    def rows() -> Iterator[Values]:
        for granted in (True, False):  # two queries in the order of the key, for nothing need be sorted then
            yield from _stream(connection, theirs.where(consents.c.granted.is_(granted)))
        yield from _stream(connection, mailboxes)

    return Exported(("customer", "email_hash", *kept, "wording"), rows())


def _preferences(connection: Connection, _: bytes) -> Exported:
    kept = ("paused_until", "gap_days", "at")
    query = (
        select(customers.c.external_id.label("customer"), *(preferences.c[name] for name in kept))
        .join(customers, customers.c.id == preferences.c.customer_id)
        .where(_living)
        .order_by(preferences.c.customer_id)
    )
    return Exported(("customer", *kept), _stream(connection, query))


def _purchases(connection: Connection, _: bytes) -> Exported:
    columns = ("id", "customer", "occurred_at", "amount", "currency", "quantity", "discount", "products", "data")
    query = (
        select(
            purchases.c.id.label("key"), purchases.c.external_id.label("id"),
            customers.c.external_id.label("customer"),
            *(purchases.c[name] for name in ("occurred_at", "amount", "currency", "quantity", "discount", "data")),
            products.c.sku, purchase_lines.c.quantity.label("pieces"), purchase_lines.c.amount.label("line_amount"),
        )
        .join(customers, customers.c.id == purchases.c.customer_id)
        .outerjoin(purchase_lines, purchase_lines.c.purchase_id == purchases.c.id)
        .outerjoin(products, products.c.id == purchase_lines.c.product_id)
        .where(_living)
        .order_by(purchases.c.id, purchase_lines.c.line)
    )  # fmt: skip
    grouped = groupby(_stream(connection, query), key=itemgetter("key"))
    return Exported(columns, (_purchase(columns, list(rows)) for _, rows in grouped))


def _purchase(columns: tuple[str, ...], rows: list[Values]) -> Values:
    first = rows[0]
    lines = [
        Line(row["sku"], row["pieces"], None if row["line_amount"] is None else int(row["line_amount"] * 10_000))
        for row in rows
        if row["sku"] is not None
    ]
    total = None if first["amount"] is None else int(first["amount"] * 10_000)
    bought = cell_writing.products(lines, total) if lines else None
    return {**{name: first[name] for name in columns if name != "products"}, "products": bought,
            "data": first["data"] or None}  # fmt: skip


def _events(connection: Connection, _: bytes) -> Exported:
    query = (
        select(events.c.external_id.label("id"), customers.c.external_id.label("customer"), events.c.name,
               events.c.occurred_at, events.c.data)
        .join(customers, customers.c.id == events.c.customer_id)
        .where(_living)
        .order_by(events.c.id)
    )  # fmt: skip
    rows = ({**row, "data": row["data"] or None} for row in _stream(connection, query))
    return Exported(("id", "customer", "name", "occurred_at", "data"), rows)


LEDGER = (
    "campaign", "step", "occurrence", "state", "reason", "detail", "kind", "recipient", "priority", "rule", "due_at",
    "expires_at", "created_at", "settled_at", "message_id", "code", "attempts",
)  # fmt: skip
"""Columns of the ledger beside the client."""
FINAL = (State.SENT, State.UNCERTAIN, State.FAILED, State.BOUNCED, State.SKIPPED)


def _ledger(connection: Connection, _: bytes) -> Exported:
    """What has been settled; what is open is promised again by the next plan."""
    query = (
        select(customers.c.external_id.label("customer"), *(promises.c[name] for name in LEDGER))
        .join(customers, customers.c.id == promises.c.customer_id)
        .where(_living, or_(*(promises.c.state == state for state in FINAL)))
        .order_by(promises.c.id)
    )
    return Exported(("customer", *LEDGER), _stream(connection, query))


_EXPORTS: Mapping[ExportKind, Callable[[Connection, bytes], Exported]] = {
    ExportKind.SUPPRESSIONS: _suppressions,
    ExportKind.MANAGERS: _managers,
    ExportKind.PRODUCTS: _products,
    ExportKind.CUSTOMERS: _customers,
    ExportKind.ALIASES: _aliases,
    ExportKind.CONSENTS: _consents,
    ExportKind.PREFERENCES: _preferences,
    ExportKind.PURCHASES: _purchases,
    ExportKind.EVENTS: _events,
    ExportKind.LEDGER: _ledger,
}
