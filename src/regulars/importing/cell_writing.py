"""Values as cells of a file that `regulars import` reads back as the same values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from regulars.importing import cells
from regulars.importing.order_lines import Line, reader
from regulars.importing.refused import Refused
from regulars.importing.tags import tags

_lines = reader(None)


def csv_cell(value: Any) -> str:
    """The cell of a CSV file; empty for None. Text that a spreadsheet would execute is marked with an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return cells.marked(value)
        case int() | float() | Decimal():
            return number(value)
        case date():  # and datetime, which is one
            return value.isoformat()
        case list():
            return cells.marked(_list(value))
        case _:
            return orjson.dumps(value).decode()


def json_value(value: Any) -> Any:
    """The value in a line of JSON. Texts that the import would read as marked or missing are marked."""
    if isinstance(value, str):
        return f"'{value}" if value and cells.without_marks(value) != value else value
    if isinstance(value, Decimal):
        return number(value)
    return value.isoformat() if isinstance(value, date) else value


def number(value: float | Decimal) -> str:
    """The number without exponent; three decimals get a fourth, for `1.234` may be read as thousands."""
    text = format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")
    whole, point, decimals = text.partition(".")
    if not point:
        return whole
    decimals = decimals.rstrip("0")
    if len(decimals) == 3:
        decimals += "0"
    return f"{whole}.{decimals}" if decimals else whole


def _list(items: Sequence[Any]) -> str:
    """`oil; cover` where it is read as this list, else JSON."""
    text = "; ".join(map(str, items)) if items else "-"
    try:
        same = cells.choices(text) == list(items) == tags(text)
    except Refused:
        same = False
    return text if same else orjson.dumps(list(items)).decode()


def products(lines: Sequence[Line], total: int | None) -> str | list[dict[str, Any]]:
    """The products of a purchase: `mower; oil×2` where this says everything, else objects.

    Of a single line the amount is left out where it is the total of the purchase, for the import takes it from there.
    """
    text = "; ".join(f"{line.sku}×{line.quantity}" if line.quantity > 1 else line.sku for line in lines)
    bare = [Line(line.sku, line.quantity) for line in lines]
    same = len(lines) == 1 and lines[0].amount == total
    if (same or all(line.amount is None for line in lines)) and cells.marked(text) == text and _is_read_as(text, bare):
        return text
    return [_object(line) for line in lines]


def _is_read_as(text: str, lines: Sequence[Line]) -> bool:
    try:
        return bool(_lines(text) == lines)
    except Refused:
        return False


def _object(line: Line) -> dict[str, Any]:
    amount = None if line.amount is None else {"amount": number(Decimal(line.amount) / 10_000)}
    return {"sku": line.sku, "quantity": line.quantity, **(amount or {})}
