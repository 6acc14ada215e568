"""The lines of a purchase: product, quantity, amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from regulars.importing import cells, numbers
from regulars.importing.refused import Refused

CANCELLED = "is below zero: cancelled purchases are not imported"
REFUNDED = "is below zero: refunds are not imported"


@dataclass(frozen=True, slots=True)
class Line:
    """One product of a purchase; the amount is for the whole quantity, in ten-thousandths."""

    sku: str
    quantity: int = 1
    amount: int | None = None
    name: str | None = None


def reader(decimal: str | None, scale: Mapping[str, Decimal] = MappingProxyType({})) -> cells.Reader:
    """A reader of `mower; oil×2`, or from JSON of skus or {sku, quantity, name, amount, price}.

    Amounts are multiplied by the factor of `line_amount`, prices by that of `price`.
    """
    count = numbers.count(decimal, CANCELLED)
    money = numbers.money(decimal, REFUNDED, scale.get("line_amount", Decimal(1)))
    each = numbers.money(decimal, REFUNDED, scale.get("price", Decimal(1)))
    sku, name = cells.text(120), cells.text()

    def read_one(piece: dict[str, Any]) -> Line:
        try:
            quantity = count(piece.get("quantity", 1)) or 1
            amount, price = money(piece.get("amount", "")), each(piece.get("price", ""))
            if amount is None and price is not None:
                amount = numbers.bounded(price * quantity)
        except Refused as refused:
            raise Refused(f"`{piece['sku']}`: {refused.reason}", refused.hint) from None
        return Line(str(sku(piece["sku"])), quantity, amount, name(piece.get("name", "")))

    return lambda raw: [read_one(piece) for piece in cells.pieces(raw)] or None


def of_row(row: Mapping[str, Any]) -> list[Line]:
    """The lines of one row's values; its other cells describe the product if there is only one."""
    lines: list[Line] = row.get("products") or []
    if len(lines) != 1:
        return list(lines)
    (only,), total = lines, _total(row)
    amount = only.amount if total is None else total
    return [Line(only.sku, row.get("quantity") or only.quantity, amount, row.get("product_name") or only.name)]


def amounts(row: Mapping[str, Any]) -> list[int]:
    """The amount of the row, or of each of its products that has one."""
    total = _total(row)
    return [total] if total is not None else [line.amount for line in of_row(row) if line.amount is not None]


def quantities(row: Mapping[str, Any]) -> list[int]:
    """The quantity of the row, or of each of its products."""
    quantity = row.get("quantity")
    return [quantity] if quantity else [line.quantity for line in of_row(row)]


def _total(row: Mapping[str, Any]) -> int | None:
    quantity, price = row.get("quantity"), row.get("price")
    total: int | None = row.get("line_amount")
    return price * (quantity or 1) if total is None and price is not None else total
