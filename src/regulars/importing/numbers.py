"""Formats of numbers: `1 234,50`, `1,234.50`, `12`. Ambiguous numbers are refused.

Money is returned in ten-thousandths, as stored in the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from regulars.db.types import MONEY_SCALE
from regulars.importing.cells import Reader, plain
from regulars.importing.refused import Refused, TwoWays

_SPACES = re.compile(r"(?<=\d)[\s\u00a0\u202f'’](?=\d{3}(?:\D|$))")
_SIMPLE = re.compile(r"[-+]?\d{1,14}(?:\.\d{1,15})?", re.ASCII)
_GROUPED = {
    ".": re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII),
    ",": re.compile(r"[-+]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)(?:,\d+)?", re.ASCII),
}
"""A group of thousands never begins with a zero: `0,125` is an eighth."""
_CERTAIN = {
    ",": re.compile(
        r"[-+]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d{3}|\d{4,},\d{3}|[1-9]\d{0,2}(?:\.\d{3}){2,}|[1-9]\d{0,2}(?:\.\d{3})+,\d+)",
        re.ASCII,
    ),
    ".": re.compile(
        r"[-+]?(?:\d+\.(?:\d{1,2}|\d{4,})|0\.\d{3}|\d{4,}\.\d{3}|[1-9]\d{0,2}(?:,\d{3}){2,}|[1-9]\d{0,2}(?:,\d{3})+\.\d+)",
        re.ASCII,
    ),
}
"""Numbers that can be read with one decimal mark only."""
_TWO_WAYS = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)


def decimal(mark: str | None = None) -> Callable[[Any], Decimal | None]:
    """A reader of numbers; `mark` is the decimal mark of a file with ambiguous numbers."""
    plain_point = mark != ","

    def read(raw: Any) -> Decimal | None:
        if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            return _bounded(str(raw))
        if plain_point and isinstance(raw, str) and _SIMPLE.fullmatch(raw) and not _TWO_WAYS.fullmatch(raw):
            return Decimal(raw)  # the usual form of a cell
        value = _SPACES.sub("", plain(raw).strip().replace("\u2212", "-"))
        if not value:
            return None
        if mark is None and _TWO_WAYS.fullmatch(value):
            raise TwoWays(
                "can be read as thousands or as a fraction",
                "say which is the decimal mark: `--decimal ,` or `--decimal .`",
            )
        if mark != "," and _SIMPLE.fullmatch(value):
            return _bounded(value)
        for point, pattern in _GROUPED.items():
            if mark in {None, point} and pattern.fullmatch(value):
                return _bounded(value.replace("," if point == "." else ".", "").replace(",", "."))
        raise Refused("is not a number", _number_hint(value))

    return read


def _bounded(value: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or abs(number) >= 10**14:
        raise Refused("is too large a number")
    return number


def _number_hint(value: str) -> str | None:
    if re.search(r"[^\W\d_]{3}|[$€£₴₽]", value) and re.search(r"\d", value):
        return "only the number: the currency goes into a column of its own"
    return None


MOST_MONEY = 10**15
"""A hundred thousand million, in ten-thousandths: sums of many still fit the database's integers."""
MOST_PIECES = 1_000_000


def mark_of(column: Iterable[Any]) -> str | None:
    """The decimal mark of a column: the one that some cell shows for certain while no cell shows the other."""
    found = set()
    for raw in column:
        if isinstance(raw, str):
            value = _SPACES.sub("", raw.strip().replace("\u2212", "-"))
            found |= {mark for mark, pattern in _CERTAIN.items() if pattern.fullmatch(value)}
            if len(found) > 1:
                return None
    return found.pop() if found else None


def money(mark: str | None, below_zero: str | None, scale: Decimal = Decimal(1)) -> Reader:
    """A reader of amounts in ten-thousandths; negative ones are refused with the given reason, or lose their sign.

    Each is multiplied by `scale`: 0.01 for amounts in cents.
    """
    number, unit = decimal(mark), MONEY_SCALE * scale

    def read(raw: Any) -> int | None:
        value = number(raw)
        if value is None:
            return None
        if value < 0:
            if below_zero is not None:
                raise Refused(below_zero)
            value = -value
        return bounded(int((value * unit).to_integral_value()))

    return read


def bounded(amount: int) -> int:
    """The amount in ten-thousandths; refused above the limit."""
    if amount > MOST_MONEY:
        raise Refused("is too large a sum")
    return amount


def count(mark: str | None, below_zero: str) -> Reader:
    """A reader of positive whole numbers; others are refused with the given reason."""
    number = decimal(mark)

    def read(raw: Any) -> int | None:
        value = number(raw)
        if value is None:
            return None
        if value != value.to_integral_value():
            raise Refused("is not a whole number")
        if value < 0:
            raise Refused(below_zero)
        if not 1 <= value <= MOST_PIECES:
            raise Refused(f"is not a quantity: expected 1 to {MOST_PIECES:,}")
        return int(value)

    return read
