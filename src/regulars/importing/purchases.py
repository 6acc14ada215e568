"""Purchases from a file: one row each, or several consecutive rows with one id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Connection, Integer, Text, delete, func, literal, select

from regulars.db.engine import insert
from regulars.db.rowset import Types, ids, lookup, rowset, upsert
from regulars.db.tables import products, purchase_lines, purchases
from regulars.db.types import Instant, Json, Key, Money, to_micros
from regulars.importing import cells, column_names, date_formats, numbers, order_lines, order_status, places
from regulars.importing.columns import Column
from regulars.importing.history import History
from regulars.importing.order_lines import Line
from regulars.importing.order_status import OrderStatus
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
_NOT_COUNTED = "orders are no purchases by their status: cancelled, failed, not paid yet or refunded"
_REST = "orders are called refunded, but less than their amount was paid back; the rest counts"
_TAKEN_BACK = "known purchases were taken back: their orders are cancelled or refunded now"
MONEY = ("amount", "discount", "price", "line_amount", "refunded")
"""The columns of amounts."""
_ORDER = ("status", "payment_status", "cancelled", "refunded")
_ONE_VALUE = {"customer": "customers", "email": "customers", "occurred_at": "dates", "amount": "totals",
              "currency": "currencies", "discount": "discounts", "status": "statuses",
              "payment_status": "payment statuses", "refunded": "refunds"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Purchase:
    """A purchase, combined from its rows."""

    row: Row
    lines: list[Line]
    amount: int | None
    quantity: int | None
    is_refunded: bool = False
    is_rest: bool = False
    """Whether its status says that all was paid back, but its amounts do not."""

    @property
    def name(self) -> str:
        return str(self.row.get("id"))


class Purchases(History):
    """Purchases by their id, or else by their content."""

    needed: ClassVar = (("customer", "email"), ("occurred_at", "time", "occurred_at_utc"))

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._declared: Mapping[str, FieldType] = self.options.events.get("purchase", {})
        self._kept = [name for name in _ORDER if name in self._declared]
        """Built-in columns whose cells also fill fields that the rules declare."""
        self._latest = to_micros(self.now + timedelta(days=1))
        """Tolerates different clocks, but not a wrong year. A deal that is not closed yet may be later."""

    def columns(self) -> Sequence[Column]:
        options = self.options
        readers: Mapping[str, cells.Reader] = {
            "id": cells.text(120),
            "customer": cells.text(254),
            "email": cells.email,
            "time": date_formats.moment_or_clock(options.dates, options.timezone),
            "occurred_at": date_formats.moment(options.dates, options.timezone),
            "occurred_at_utc": date_formats.moment(options.dates, "UTC"),
            "amount": self._money("amount")(options.decimal),
            "currency": places.currency,
            "quantity": numbers.count(options.decimal, order_lines.CANCELLED),
            "discount": self._money("discount")(options.decimal),
            "products": order_lines.reader(options.decimal, options.scale),
            "product_name": cells.text(),
            "price": self._money("price")(options.decimal),
            "line_amount": self._money("line_amount")(options.decimal),
            "data": cells.data,
            "status": order_status.reader(options.statuses),
            "payment_status": order_status.reader(options.statuses),
            "cancelled": order_status.cancelled,
            "refunded": self._money("refunded")(options.decimal),
        }
        if "time" in self._declared:
            readers = {name: read for name, read in readers.items() if name != "time"}
        known = [
            Column(
                name,
                read,
                column_names.PURCHASES[name],
                slot="occurred_at" if name == "occurred_at_utc" else "",
                with_mark=self._money(name) if name in MONEY else None,
            )
            for name, read in readers.items()
        ]
        return known + own_columns(self._declared, readers, lambda _: cells.clean)

    def _money(self, name: str) -> Callable[[str | None], cells.Reader]:
        """Makes the reader of a column of amounts for a decimal mark."""
        scale = self.options.scale.get(name, Decimal(1))
        below_zero = None if name == "refunded" else order_lines.REFUNDED  # some tools write refunds as -12.50
        return lambda mark: numbers.money(mark, below_zero, scale)

    def check(self, row: Row) -> None:
        if "id" in row.values or row.has_cell("id"):  # an empty one is a further line of the order above
            pass
        elif self.has_owner_and_time(row, "purchase"):
            amounts = [row.get(n) for n in ("amount", "currency", "quantity", "discount", "price", "line_amount")]
            pieces = [[p.sku, p.quantity, p.amount] for p in row.get("products") or []]
            self.name_by_content(row, "purchase", [*amounts, pieces])
        own = own_values(row) | {name: row.cells[row.headers[name]] for name in self._kept if row.has_cell(name)}
        row.values["data"] = typed(row, (row.get("data") or {}) | own, self._declared, self.options)

    def units(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """The rows of one purchase: consecutive rows with one id, or without one after the first."""
        unit: list[Row] = []
        for row in rows:
            if "id" not in row.values and row.has_cell("id"):
                if unit and _continues(row, unit[0]):
                    row.values["id"] = unit[0].get("id")
                else:
                    row.refuse("has no id", name="id")
            if unit and (row.get("id") is None or row.get("id") != unit[0].get("id") or len(unit) >= _MOST_LINES):
                yield self._whole(unit)
                unit = []
            unit.append(row)
        if unit:
            yield self._whole(unit)

    def _whole(self, unit: list[Row]) -> list[Row]:
        if any(row.faults for row in unit):
            return _refuse_together(unit)
        off = _is_off(unit)
        if off or self.has_owner_and_time(unit[0], "purchase"):
            self._refuse_contradictions(unit)
        for row in () if off else unit:
            at = row.get("occurred_at")
            if at is not None and at.micros > self._latest:
                row.refuse("is in the future", name="occurred_at" if "occurred_at" in row.headers else "time")
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
        counted = [unit for unit in units if not _is_off(unit)]
        self.find_customers(connection, [unit[0] for unit in counted])
        for unit in counted:
            _refuse_together(unit)
        found = [purchase for unit in counted if not unit[0].faults and (purchase := _put_together(unit)) is not None]
        off = [str(unit[0].get("id")) for unit in units if _is_off(unit)]
        back = self._take_back(connection, off + [purchase.name for purchase in found if purchase.is_refunded])
        found = [purchase for purchase in found if not purchase.is_refunded]
        self.notes.update({_REST: rest} if (rest := sum(purchase.is_rest for purchase in found)) else {})
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
        return Written(len(added), len(changed) + back, len(found) - len(added) - len(changed))

    def _take_back(self, connection: Connection, names: Sequence[str]) -> int:
        """Removes the purchases that are known under these ids; returns how many were."""
        if not names:
            return 0
        self.notes[_NOT_COUNTED] += len(names)
        known = lookup(connection, purchases.c.external_id, names, purchases.c.id, purchases.c.customer_id)
        keys = [key for rows in known.values() for key, _ in rows]
        if keys:
            connection.execute(delete(purchases).where(purchases.c.id.in_(ids(connection, keys))))
            facts.refresh(connection, {customer for rows in known.values() for _, customer in rows})
            self.notes[_TAKEN_BACK] += len(keys)
        return len(keys)

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


def _continues(row: Row, first: Row) -> bool:
    """Whether a row without an id is a further line of the purchase: nothing in it says otherwise."""
    stated = [(row.get(name), first.get(name)) for name in ("customer", "email", "occurred_at")]
    return first.get("id") is not None and all(one in (None, other) for one, other in stated)


def _status(unit: Sequence[Row]) -> OrderStatus | None:
    return next((found for row in unit if (found := order_status.combined(row.values)) is not None), None)


def _is_off(unit: Sequence[Row]) -> bool:
    """Whether the order is no purchase, or none any more. One that is called refunded counts with what was kept."""
    status = _status(unit)
    if status is not OrderStatus.REFUNDED:
        return status is OrderStatus.UNPAID
    back, amount = _stated(unit, "refunded"), _amount(unit, _sums(unit))
    return not back or amount is None or back >= amount


def _stated(unit: Sequence[Row], name: str) -> Any:
    return next((row.get(name) for row in unit if row.get(name) is not None), None)


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
    found = [line for row in unit for line in order_lines.of_row(row.values)]
    counts = [quantity for row in unit for quantity in order_lines.quantities(row.values)]
    sums = _sums(unit)
    amount = _amount(unit, sums)
    if amount is not None and len(found) == 1 and found[0].amount is None:
        found = [Line(found[0].sku, found[0].quantity, amount, found[0].name)]
    if max([amount or 0, *sums]) > numbers.MOST_MONEY:
        first.refuse("comes to too large a sum")
    else:
        back = _refund(unit, amount)
    if first.faults:
        _refuse_together(unit)
        return None
    left = None if amount is None else amount - back
    rest = _status(unit) is OrderStatus.REFUNDED
    return _Purchase(first, found, left, sum(counts) if counts else None, bool(back) and not left, rest)


def _sums(unit: Sequence[Row]) -> list[int]:
    return [amount for row in unit for amount in order_lines.amounts(row.values)]


def _amount(unit: Sequence[Row], sums: Sequence[int]) -> int | None:
    """The total of the purchase: as stated, else by its rows."""
    stated: int | None = _stated(unit, "amount")
    return stated if stated is not None else (sum(sums) if sums else None)


def _refund(unit: Sequence[Row], amount: int | None) -> int:
    """What was paid back of the amount; refuses a purchase for which that cannot be known."""
    back = _stated(unit, "refunded")
    if not back and _status(unit) is OrderStatus.PARTLY_REFUNDED:
        hint = 'name the column with the refunded amount: `--map "…=refunded"`'
        unit[0].refuse("was refunded in part, but no cell says how much", hint)
    elif back and amount is None:
        unit[0].refuse(
            "was refunded, but its own amount is not stated", 'name its column: `--map "…=amount"`', "refunded"
        )
    return min(back or 0, amount or 0)


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
