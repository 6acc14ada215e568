"""Reading values of a declared type from JSON, with the same result in SQLite, PostgreSQL and Python.

`readable` converts a JSON value; `regulars_field_*` do the same in SQL. A value of another type, or one that
the two databases cannot store in the same way, is NULL. On SQLite they are Python functions registered on
each connection; on PostgreSQL they are built from its own functions, guarded so that no value raises an error.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger, Boolean, Date, Double, Text

from regulars.db.sql_functions import NUMBER, number
from regulars.db.types import EPOCH, MICROSECOND, MONEY_SCALE, Json
from regulars.rules.fields import FieldType
from regulars.rules.grammar import Timing

SMALLEST, LARGEST = 1e-15, 1e15
"""The range of absolute values of a number in JSON; zero is allowed too."""
_DAY_OF_YEAR = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_LEAP_YEAR = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_ANY_DATE = rf"(([0-9]{{4}})-({_DAY_OF_YEAR})|{_LEAP_YEAR}-02-29)"
_CLOCK = r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
_OFFSET = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
DATE_PATTERN = rf"^(?!0000){_ANY_DATE}$"
"""ISO dates that are in the calendar, 0001-01-01 to 9999-12-31."""
DATE = re.compile(DATE_PATTERN.replace("$", r"\Z"))
INSTANT_PATTERN = rf"^(?!0000){_ANY_DATE}{_CLOCK}{_OFFSET}?$"
"""ISO date and time; without an offset it is UTC."""
_INSTANT = re.compile(INSTANT_PATTERN.replace("$", r"\Z"))
WHOLE = 15
"""Maximum digits of a whole number in JSON that is read as text, such as a postal code."""


def keepable(text: str) -> bool:
    """Whether both databases can store the text: no NUL character, no unpaired surrogate."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def readable_date(value: object) -> date | None:
    """The date of the ISO text, or None."""
    return date.fromisoformat(value) if isinstance(value, str) and DATE.match(value) else None


def readable_micros(value: object) -> int | None:
    """The instant of the ISO text in microseconds since 1970, or None."""
    if not isinstance(value, str) or not _INSTANT.match(value):
        return None
    clock, hours, minutes = value, 0, 0
    if value.endswith("Z"):
        clock = value[:-1]
    elif value[-6] in "+-":
        clock, sign = value[:-6], -1 if value[-6] == "-" else 1
        hours, minutes = sign * int(value[-5:-3]), sign * int(value[-2:])
    head, point, fraction = clock.partition(".")
    moment = datetime.fromisoformat(head + point + fraction.ljust(6, "0") if point else head)
    return (moment.replace(tzinfo=EPOCH.tzinfo) - EPOCH) // MICROSECOND - (hours * 60 + minutes) * 60_000_000


def readable(kind: FieldType, value: object) -> Any:
    """A JSON value as the declared type: text, float, bool, date, instant in microseconds, list; else None."""
    match kind:
        case FieldType.TEXT if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if abs(value) < 10**WHOLE and len(str(value)) <= WHOLE else None
        case FieldType.TEXT:
            return value if isinstance(value, str) and keepable(value) else None
        case FieldType.NUMBER if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value) if value == 0 or SMALLEST <= abs(value) <= LARGEST else None
        case FieldType.NUMBER:
            return number(value) if isinstance(value, str) else None
        case FieldType.BOOL:
            return value if isinstance(value, bool) else None
        case FieldType.DATE:
            return readable_date(value)
        case FieldType.INSTANT:
            return readable_micros(value)
    return value if isinstance(value, list) else None


# ---------------------------------------------------------------- the same in SQL


class regulars_field_text(GenericFunction[str]):  # noqa: N801 - the name it has in SQL
    """A text field: (object, key) in."""

    type = Text()
    inherit_cache = True


class regulars_field_number(GenericFunction[float]):  # noqa: N801
    """A number field."""

    type = Double()
    inherit_cache = True


class regulars_field_bool(GenericFunction[bool]):  # noqa: N801
    """A yes-or-no field."""

    type = Boolean()
    inherit_cache = True


class regulars_field_date(GenericFunction[date]):  # noqa: N801
    """A date field."""

    type = Date()
    inherit_cache = True


class regulars_field_instant(GenericFunction[int]):  # noqa: N801
    """An instant field, in microseconds since 1970."""

    type = BigInteger()
    inherit_cache = True


class regulars_field_list(GenericFunction[str]):  # noqa: N801
    """A list field as JSON text, to test whether it exists."""

    type = Text()
    inherit_cache = True


class regulars_list_holds(GenericFunction[bool]):  # noqa: N801
    """Whether a list field has the text in it: (object, key, text) in."""

    type = Boolean()
    inherit_cache = True


class regulars_purchase(GenericFunction[Any]):  # noqa: N801
    """A purchase as event data: (data, amount, currency, quantity, discount) in, amounts in ten-thousandths."""

    type = Json
    inherit_cache = True


BY_TYPE: dict[FieldType, type[GenericFunction[Any]]] = {
    FieldType.TEXT: regulars_field_text,
    FieldType.NUMBER: regulars_field_number,
    FieldType.BOOL: regulars_field_bool,
    FieldType.DATE: regulars_field_date,
    FieldType.INSTANT: regulars_field_instant,
    FieldType.LIST: regulars_field_list,
}
"""The function that reads a field of each type."""


def instant_in_event(timing: Timing, data: ColumnElement[Any]) -> ColumnElement[int]:
    """The instant of the timing for an event with this data, in microseconds; NULL if the event lacks it."""
    return regulars_field_instant(data, literal(timing.field)) + timing.offset // MICROSECOND


_WHOLE_PATTERN = rf"^(-?[0-9]{{1,{WHOLE - 1}}}|[0-9]{{{WHOLE}}})$"
_MICROS = (
    "CAST(extract(epoch FROM CAST(CASE WHEN {text} ~ '[T ].*(Z|[+-].*)$' THEN {text} ELSE {text} || 'Z' END"
    " AS timestamptz)) * 1000000 AS bigint)"
)
_SIZED = f"CAST({{text}} AS numeric) = 0 OR abs(CAST({{text}} AS numeric)) BETWEEN {SMALLEST!r} AND {LARGEST:.0f}"
_IN_POSTGRESQL: dict[type[GenericFunction[Any]], str] = {
    regulars_field_text: (
        "CASE jsonb_typeof({value}) WHEN 'string' THEN {text}"
        f" WHEN 'number' THEN CASE WHEN {{text}} ~ '{_WHOLE_PATTERN}' THEN {{text}} END END"
    ),
    regulars_field_number: (
        f"CASE jsonb_typeof({{value}}) WHEN 'number' THEN CASE WHEN {_SIZED}"
        " THEN CAST(CAST({text} AS numeric) AS double precision) END"
        f" WHEN 'string' THEN CASE WHEN {{text}} ~ '{NUMBER}' THEN CAST({{text}} AS double precision) END END"
    ),
    regulars_field_bool: "CASE WHEN jsonb_typeof({value}) = 'boolean' THEN CAST({text} AS boolean) END",
    regulars_field_date: (
        "CASE WHEN jsonb_typeof({value}) = 'string' THEN"
        f" CASE WHEN {{text}} ~ '{DATE_PATTERN}' THEN CAST({{text}} AS date) END END"
    ),
    regulars_field_instant: (
        "CASE WHEN jsonb_typeof({value}) = 'string' THEN"
        f" CASE WHEN {{text}} ~ '{INSTANT_PATTERN}' THEN {_MICROS} END END"
    ),
    regulars_field_list: "CASE WHEN jsonb_typeof({value}) = 'array' THEN {text} END",
    regulars_list_holds: "CASE WHEN jsonb_typeof({value}) = 'array' THEN jsonb_exists({value}, {extra}) END",
}


def _field_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    data, key, *extra = (compiler.process(clause, **options) for clause in element.clauses)
    value, text = f"(({data}) -> {key})", f"(({data}) ->> {key})"
    written = _IN_POSTGRESQL[type(element)].replace("{value}", value).replace("{text}", text)
    return f"({written.replace('{extra}', extra[0])})" if extra else f"({written})"


for _function in _IN_POSTGRESQL:
    compiles(_function, "postgresql")(_field_in_postgresql)


@compiles(regulars_purchase, "postgresql")
def _purchase_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    data, amount, currency, quantity, discount = (compiler.process(clause, **options) for clause in element.clauses)
    return (
        f"({data} || jsonb_build_object('amount', {amount} / {MONEY_SCALE}.0, 'currency', {currency},"
        f" 'quantity', {quantity}, 'discount', {discount} / {MONEY_SCALE}.0))"
    )


def _object(data: str | None) -> dict[str, Any]:
    try:
        found = json.loads(data) if isinstance(data, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reader(kind: FieldType) -> Callable[[str | None, str], Any]:
    def read(data: str | None, key: str) -> Any:
        found = readable(kind, _object(data).get(key))
        if isinstance(found, date):
            return found.isoformat()
        return json.dumps(found) if isinstance(found, list) else found

    return read


def _holds(data: str | None, key: str, text: str | None) -> bool | None:
    found = readable(FieldType.LIST, _object(data).get(key))
    return None if found is None or text is None else text in found


def _purchase(
    data: str | None, amount: int | None, currency: str | None, quantity: int | None, discount: int | None
) -> str:
    own = {
        "amount": None if amount is None else float(Decimal(amount) / MONEY_SCALE),
        "currency": currency,
        "quantity": quantity,
        "discount": None if discount is None else float(Decimal(discount) / MONEY_SCALE),
    }
    return json.dumps(_object(data) | own)


def register(connection: sqlite3.Connection) -> None:
    """Registers the functions on a SQLite connection."""
    for kind, function in BY_TYPE.items():
        connection.create_function(function.__name__, 2, _reader(kind), deterministic=True)
    connection.create_function("regulars_list_holds", 3, _holds, deterministic=True)
    connection.create_function("regulars_purchase", 5, _purchase, deterministic=True)
