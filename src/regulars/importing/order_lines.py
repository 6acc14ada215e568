"""The lines of a purchase: product, quantity, amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


def reader(decimal: str | None) -> cells.Reader:
    """A reader of `mower; oil×2`, or from JSON of skus or {sku, quantity, name, amount, price}."""
    count = numbers.count(decimal, CANCELLED)
    money = numbers.money(decimal, REFUNDED)
    sku, name = cells.text(120), cells.text()

    def read_one(piece: dict[str, Any]) -> Line:
        try:
            quantity = count(piece.get("quantity", 1)) or 1
            amount, price = money(piece.get("amount", "")), money(piece.get("price", ""))
            if amount is None and price is not None:
                amount = numbers.bounded(price * quantity)
        except Refused as refused:
            raise Refused(f"`{piece['sku']}`: {refused.reason}", refused.hint) from None
        return Line(str(sku(piece["sku"])), quantity, amount, name(piece.get("name", "")))

    return lambda raw: [read_one(piece) for piece in cells.pieces(raw)] or None


def fitted(lines: Sequence[Line], quantity: int | None, amount: int | None, name: str | None) -> list[Line]:
    """The lines of one row, merged with its other cells, which describe the product if there is only one."""
    if len(lines) != 1:
        return list(lines)
    only = lines[0]
    return [Line(only.sku, quantity or only.quantity, only.amount if amount is None else amount, name or only.name)]
