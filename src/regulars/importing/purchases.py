"""Purchases from a file: one row each, or several consecutive rows with one id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from sqlalchemy import Connection, Integer, Text, delete, func, literal, select

from regulars.db.engine import insert
from regulars.db.rowset import Types, ids, lookup, rowset, upsert
from regulars.db.tables import products, purchase_lines, purchases
from regulars.db.types import Instant, Json, Key, Money
from regulars.importing import cells, column_names, date_formats, numbers, order_lines, places
from regulars.importing.columns import Column
from regulars.importing.history import History
from regulars.importing.order_lines import Line
from regulars.importing.rows import Row, Written, own_columns, own_values, typed
from regulars.profile import facts
from regulars.rules.model import FieldType

_PURCHASE: Types = {
    "external_id": Text(), "customer_id": Key, "occurred_at": Instant(), "amount": Money(), "currency": Text(),
    "quantity": Integer(), "discount": Money(), "data": Json,
}  # fmt: skip
_LINE: Types = {"purchase": Text(), "line": Integer(), "product_id": Key, "quantity": Integer(), "amount": Money()}
_MOST_LINES = 1_000
_MADE = "products were not known and have been made, named by what the file says: import products to complete them"
_ONE_VALUE = {"customer": "customers", "email": "customers", "occurred_at": "dates", "amount": "totals",
              "currency": "currencies", "discount": "discounts"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Purchase:
    """A purchase, combined from its rows."""

    row: Row
    lines: list[Line]
    amount: int | None
    quantity: int | None

    @property
    def name(self) -> str:
        return str(self.row.get("id"))


class Purchases(History):
    """Purchases by their id, or else by their content."""

    needed: ClassVar = (("customer", "email"), ("occurred_at",))

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._declared: Mapping[str, FieldType] = self.options.events.get("purchase", {})

    def columns(self) -> Sequence[Column]:
        options = self.options
        money = numbers.money(options.decimal, order_lines.REFUNDED)
        latest = self.now + timedelta(days=1)  # tolerates different clocks, but not a wrong year
        readers: Mapping[str, cells.Reader] = {
            "id": cells.text(120),
            "customer": cells.text(254),
            "email": cells.email,
            "occurred_at": date_formats.moment(options.dates, options.timezone, latest),
            "amount": money,
            "currency": places.currency,
            "quantity": numbers.count(options.decimal, order_lines.CANCELLED),
            "discount": money,
            "products": order_lines.reader(options.decimal),
            "product_name": cells.text(),
            "price": money,
            "line_amount": money,
            "data": cells.data,
        }
        known = [Column(name, read, column_names.PURCHASES[name]) for name, read in readers.items()]
        return known + own_columns(self._declared, readers, lambda _: cells.clean)

    def check(self, row: Row) -> None:
        if "id" not in row.values and row.has_cell("id"):
            row.refuse("has no id", name="id")
        elif "id" not in row.values and self.has_owner_and_time(row, "purchase"):
            amounts = [row.get(n) for n in ("amount", "currency", "quantity", "discount", "price", "line_amount")]
            pieces = [[p.sku, p.quantity, p.amount] for p in row.get("products") or []]
            self.name_by_content(row, "purchase", [*amounts, pieces])
        row.values["data"] = typed(row, (row.get("data") or {}) | own_values(row), self._declared, self.options)

    def units(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """The rows of one purchase: consecutive rows with one id."""
        unit: list[Row] = []
        for row in rows:
            if unit and (row.get("id") is None or row.get("id") != unit[0].get("id") or len(unit) >= _MOST_LINES):
                yield self._whole(unit)
                unit = []
            unit.append(row)
        if unit:
            yield self._whole(unit)

    def _whole(self, unit: list[Row]) -> list[Row]:
        if not any(row.faults for row in unit) and self.has_owner_and_time(unit[0], "purchase"):
            self._refuse_contradictions(unit)
        return _refuse_together(unit)

    def _refuse_contradictions(self, unit: list[Row]) -> None:
        first = unit[0]
        name = first.get("id")
        if first.has_cell("id"):
            line = self.seen.first(f"id {name}", first.line)
            if line != first.line:
                first.refuse(f"purchase `{name}` is on {first.unit} {line} already", "keep its rows together", "id")
        for key, plural in _ONE_VALUE.items() if len(unit) > 1 else ():
            distinct = {repr(row.get(key)): row for row in unit if row.get(key) is not None}
            if len(distinct) > 1:
                hint = 'if each row has its own, use `--map "…=line_amount"`' if key == "amount" else None
                list(distinct.values())[1].refuse(f"purchase `{name}` has {len(distinct)} {plural}", hint, key)

    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        self.find_customers(connection, [unit[0] for unit in units])
        for unit in units:
            _refuse_together(unit)
        found = [purchase for unit in units if not unit[0].faults and (purchase := _put_together(unit)) is not None]
        names = [purchase.name for purchase in found]
        owners = lookup(connection, purchases.c.external_id, names, purchases.c.customer_id)
        given = rowset(connection, "given", _PURCHASE, [_tuple(purchase) for purchase in found])
        defaults: dict[str, Any] = {"received_at": literal(self.now, Instant), "data": literal({}, Json)}
        if self.options.currency:
            defaults["currency"] = literal(self.options.currency, Text)
        added, changed = upsert(connection, purchases, given, "external_id", defaults=defaults)
        changed |= self._write_lines(connection, found) - added
        written = select(purchases.c.customer_id).where(purchases.c.id.in_(ids(connection, added | changed)))
        touched = set(connection.scalars(written.distinct())) if added or changed else set()
        moved = {one for p in found for one in owners.get(p.name, ()) if one != p.row.get("customer_id")}
        facts.refresh(connection, touched | moved)
        return Written(len(added), len(changed), len(found) - len(added) - len(changed))

    def _write_lines(self, connection: Connection, found: Iterable[_Purchase]) -> set[int]:
        """Replaces the lines of these purchases where the file states any; returns the purchases that changed."""
        itemised = [purchase for purchase in found if purchase.lines]
        if not itemised:
            return set()
        keys = self._product_keys(connection, [line for purchase in itemised for line in purchase.lines])
        rows = [
            [purchase.name, number, keys[line.sku], line.quantity, line.amount]
            for purchase in itemised
            for number, line in enumerate(purchase.lines, 1)
        ]
        given = rowset(connection, "given", _LINE, rows)
        stated = (
            select(purchases.c.id.label("purchase_id"), *(given.c[n] for n in _LINE if n != "purchase"))
            .join_from(given, purchases, purchases.c.external_id == given.c.purchase)
            .where(purchases.c.id.is_not(None))
        )
        return _replace_lines(connection, stated)

    def _product_keys(self, connection: Connection, wanted: Iterable[Line]) -> dict[str, int]:
        """The key of each product; an unknown one is created, so that the purchase is not lost."""
        names = {line.sku: line.name for line in wanted}
        known = lookup(connection, products.c.sku, names, products.c.id)
        missing = [[sku, name or sku] for sku, name in names.items() if sku not in known]
        if missing:
            given = rowset(connection, "made", {"sku": Text(), "name": Text()}, missing)
            fresh = select(given).where(given.c.sku.is_not(None))
            connection.execute(
                insert(connection, products).from_select(["sku", "name"], fresh).on_conflict_do_nothing()
            )
            self.notes[_MADE] += len(missing)
            known = lookup(connection, products.c.sku, names, products.c.id)
        return {sku: keys[0] for sku, keys in known.items()}


def _refuse_together(unit: list[Row]) -> list[Row]:
    """Refuses every row of a purchase when one is bad: half a purchase would be wrong."""
    bad = next((row for row in unit if row.faults), None)
    for row in unit:
        if bad is not None and not row.faults:
            row.refuse(f"belongs to the same purchase as {bad.unit} {bad.line}")
    return unit


def _put_together(unit: list[Row]) -> _Purchase | None:
    """The purchase of the rows; refuses them when its total is above the limit."""
    first = unit[0]
    found: list[Line] = []
    sums: list[int] = []
    counts: list[int] = []
    for row in unit:
        quantity, price = row.get("quantity"), row.get("price")
        total = row.get("line_amount")
        if total is None and price is not None:
            total = price * (quantity or 1)
        fitted = order_lines.fitted(row.get("products") or [], quantity, total, row.get("product_name"))
        found += fitted
        sums += [total] if total is not None else [line.amount for line in fitted if line.amount is not None]
        counts += [quantity] if quantity else [line.quantity for line in fitted]
    stated = next((row.get("amount") for row in unit if row.get("amount") is not None), None)
    amount = stated if stated is not None else (sum(sums) if sums else None)
    if amount is not None and len(found) == 1 and found[0].amount is None:
        found = [Line(found[0].sku, found[0].quantity, amount, found[0].name)]
    if max([amount or 0, *sums]) > numbers.MOST_MONEY:
        first.refuse("comes to too large a sum")
        _refuse_together(unit)
        return None
    return _Purchase(first, found, amount, sum(counts) if counts else None)


def _tuple(purchase: _Purchase) -> list[Any]:
    get = purchase.row.get
    return [
        purchase.name, get("customer_id"), get("occurred_at").micros, purchase.amount, get("currency"),
        purchase.quantity, get("discount"), get("data") or None,
    ]  # fmt: skip


def _replace_lines(connection: Connection, stated: Any) -> set[int]:
    """Upserts the stated lines and deletes others; returns the ids of purchases that changed."""
    here = stated.subquery("stated")
    most = select(here.c.purchase_id, func.max(here.c.line).label("most")).group_by(here.c.purchase_id).subquery("most")
    beyond = select(most.c.purchase_id).where(
        most.c.purchase_id == purchase_lines.c.purchase_id, purchase_lines.c.line > most.c.most
    )
    gone = delete(purchase_lines).where(beyond.exists()).returning(purchase_lines.c.purchase_id)
    changed = set(connection.scalars(gone))
    names = ["purchase_id", "line", "product_id", "quantity", "amount"]
    statement = insert(connection, purchase_lines).from_select(names, stated)
    new = statement.excluded
    differs = (
        purchase_lines.c.product_id.is_distinct_from(new.product_id)
        | purchase_lines.c.quantity.is_distinct_from(new.quantity)
        | purchase_lines.c.amount.is_distinct_from(new.amount)
    )
    written = statement.on_conflict_do_update(
        index_elements=["purchase_id", "line"],
        set_={name: new[name] for name in names[2:]},
        where=differs,
    ).returning(purchase_lines.c.purchase_id)
    return changed | set(connection.scalars(written))
