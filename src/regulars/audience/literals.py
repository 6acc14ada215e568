"""Literals: which numbers and texts can be stored, and when a text is a date.

A number is zero or between 1e-15 and 1e15 in size, so that no product overflows silently; the same limits apply to
numbers in data. A text that is compared with a date or an instant must be an ISO date; for an instant it
is the midnight at the start of that day in the company's zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from regulars.audience.check_context import CheckContext
from regulars.audience.nodes import Arithmetic, Choose, Comparison, Literal, LocalDay, Negate, Node
from regulars.core import calendar
from regulars.db.json_fields import DATE, LARGEST, SMALLEST, keepable, readable_date, readable_micros
from regulars.db.sql_functions import number as parse_number
from regulars.db.types import from_micros
from regulars.rules.fields import FieldType

KINDS = {
    FieldType.TEXT: "a text",
    FieldType.NUMBER: "a number",
    FieldType.BOOL: "yes or no",
    FieldType.DATE: "a date",
    FieldType.INSTANT: "a date with a time",
    FieldType.LIST: "a list",
}
_DOUBLE = 290
"""Slightly below the largest power of ten of doubles."""
_TIMES = (FieldType.DATE, FieldType.INSTANT)


def number(value: float) -> float | None:
    """The number as a double, or None when it is too large or too small."""
    return float(value) if value == 0 or SMALLEST <= abs(value) <= LARGEST else None


def within_range(node: Node) -> bool:
    """Whether no value of the arithmetic can overflow a double or vanish in it, which PostgreSQL makes an error."""
    low, high = _reach(node)
    return low > -_DOUBLE and high < _DOUBLE


def _reach(node: Node) -> tuple[int, int]:
    """Powers of ten that bound the absolute value, unless it is zero."""
    match node:
        case Arithmetic():
            (low, high), (low_too, high_too) = _reach(node.left), _reach(node.right)
            match node.op:
                case "*":
                    return low + low_too, high + high_too
                case "/":
                    return low - high_too, high - low_too
            return min(low, low_too) - 17, max(high, high_too) + 1  # the difference of two nearly equal numbers
        case Negate():
            return _reach(node.operand)
        case Choose():
            (low, high), (low_too, high_too) = _reach(node.yes), _reach(node.no)
            return min(low, low_too), max(high, high_too)
    return -20, 20


def usable(value: str) -> str | None:
    """Why a text cannot be stored in a database, or None."""
    return None if keepable(value) else "this text has a character that no database can keep"


def adapt(checker: CheckContext, node: Node, wanted: FieldType) -> Node:
    """The node, converted to a date or an instant if it is a text literal and that type is wanted."""
    if not isinstance(node, Literal) or wanted not in _TIMES or not isinstance(node.value, str):
        return node
    day = readable_date(node.value)
    if day is not None and wanted is FieldType.DATE:
        return Literal(node.start, node.end, wanted, day)
    if day is not None:
        return Literal(node.start, node.end, wanted, _midnight(day, checker.catalogue.zone))
    if wanted is FieldType.INSTANT and (moment := _moment(node.value)) is not None:
        return Literal(node.start, node.end, wanted, moment)
    hint = (
        "that day is not in the calendar" if DATE.match(node.value) is None and _looks_like_date(node.value) else None
    )
    raise checker.wrong(node, f"`{node.value}` is not a date", "a date such as `'2026-05-01'`", hint)


def _moment(value: str) -> datetime | None:
    try:
        return None if (micros := readable_micros(value)) is None else from_micros(micros)
    except OverflowError:  # an offset that leads out of the calendar
        return None


def _looks_like_date(value: str) -> bool:
    parts = value.split("-")
    return [len(p) for p in parts] == [4, 2, 2] and all(p.isdigit() for p in parts)


def _midnight(day: date, zone: str) -> datetime:
    try:
        return calendar.instant(datetime.combine(day, time()), zone)
    except OverflowError:  # the first and the last day of the calendar
        return datetime.combine(day, time(), UTC)


def local_days(one: Node, two: Node) -> tuple[Node, Node]:
    """Both sides of a comparison; an instant beside a date becomes its day in the client's time zone."""
    return _local_day(one, two), _local_day(two, one)


def _local_day(node: Node, other: Node) -> Node:
    if node.type is FieldType.INSTANT and other.type is FieldType.DATE:
        return LocalDay(node.start, node.end, FieldType.DATE, node)
    return node


def mismatch(
    op: Comparison, one: Node, two: Node, first: str, second: str
) -> tuple[str, str | None, str | None] | None:
    """Why two values cannot be compared, as (message, expected, hint), or None."""
    if one.type is FieldType.LIST or two.type is FieldType.LIST:
        return "a list cannot be compared", "`'x' in list` or `list is none`", None
    if one.type is two.type:
        if one.type is FieldType.BOOL and op not in (Comparison.EQ, Comparison.NE):
            return "yes and no have no order", "`==` or `!=`", None
        return None
    message = f"`{first}` is {KINDS[one.type]}, `{second}` is {KINDS[two.type]}: they cannot be compared"
    return message, None, _remedy(op, one, two, first, second) or _remedy(op.swapped, two, one, second, first)


def _remedy(op: Comparison, one: Node, two: Node, first: str, second: str) -> str | None:
    match one.type, two.type:
        case ((FieldType.DATE | FieldType.INSTANT), FieldType.NUMBER):
            return f"write `days_since({first}) {op} {second}`"
        case FieldType.TEXT, FieldType.NUMBER if isinstance(two, Literal):
            return f"write the number as a text: `'{second}'`"
        case FieldType.NUMBER, FieldType.TEXT if isinstance(two, Literal) and parse_number(two.value) is not None:
            return f"write a number without quotes: `{str(two.value).strip()}`"
        case FieldType.BOOL, FieldType.TEXT:
            return "write `true` or `false`, without quotes"
    return None
