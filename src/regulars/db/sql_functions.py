"""SQL functions beyond those that SQLite and PostgreSQL share, under the same name in both.

On SQLite they are Python functions registered on each connection; on PostgreSQL they are built from its
own functions. `number` parses a number in text, as importers and JSON write it.
"""

from __future__ import annotations

import math
import re
import sqlite3
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger, Boolean, Double, Integer, Text

from regulars.core.calendar import local_date
from regulars.db.types import from_micros

NUMBER = r"^[ ]*[-+]?[0-9]{1,15}([.][0-9]{1,15})?[ ]*$"
"""A number in text: at most fifteen digits on each side, so that a double keeps it."""
_NUMBER = re.compile(NUMBER)
_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def number(value: object) -> float | None:
    """The number in the text, or None. Not a boolean, not an exponent, not infinity."""
    if value is None or isinstance(value, bool):
        return None
    found = str(value)
    return float(found) if _NUMBER.match(found) and not found.endswith("\n") else None


class regulars_number(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """`number` in SQL: text in, double or NULL out."""

    type = Double()
    inherit_cache = True


@compiles(regulars_number, "postgresql")
def _number_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    inner = compiler.process(element.clauses, **options)
    return f"(CASE WHEN ({inner}) ~ '{NUMBER}' THEN CAST(({inner}) AS double precision) END)"


class regulars_day(GenericFunction[int]):  # noqa: N801 - the name it has in SQL
    """The local calendar day of an instant: (microseconds, zone name) in, 20260131 out."""

    type = Integer()
    inherit_cache = True


@compiles(regulars_day, "postgresql")
def _day_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    moment, zone_name = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(to_char(to_timestamp(({moment}) / 1000000.0) AT TIME ZONE {zone_name}, 'YYYYMMDD') AS integer)"


class regulars_date(GenericFunction[int]):  # noqa: N801 - the name it has in SQL
    """A calendar date, as a date or as ISO text, in the form 20260131; NULL when it is not a date."""

    type = Integer()
    inherit_cache = True


@compiles(regulars_date, "postgresql")
def _date_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    inner = f"CAST({compiler.process(element.clauses, **options)} AS text)"
    plain = f"CAST(replace({inner}, '-', '') AS integer)"
    return f"(CASE WHEN {inner} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' THEN {plain} END)"


def day(micros: int | None, zone_name: str) -> int | None:
    """`regulars_day` for SQLite."""
    if micros is None:
        return None
    local = local_date(from_micros(micros), zone_name)
    return local.year * 10_000 + local.month * 100 + local.day


def date_number(value: object) -> int | None:
    """`regulars_date` for SQLite."""
    return int(value.replace("-", "")) if isinstance(value, str) and _DATE.match(value) else None


class regulars_days(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """Days from the second date to the first, as a double."""

    type = Double()
    inherit_cache = True


@compiles(regulars_days, "postgresql")
def _days_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    later, earlier = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(({later}) - ({earlier}) AS double precision)"


class regulars_plus(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """Two doubles added. Kept in parentheses, since doubles are not associative, and never widened to NUMERIC."""

    type = Double()
    inherit_cache = True


class regulars_minus(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """The second double subtracted from the first."""

    type = Double()
    inherit_cache = True


class regulars_times(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """Two doubles multiplied."""

    type = Double()
    inherit_cache = True


class regulars_over(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """The first double divided by the second; NULL when that is zero."""

    type = Double()
    inherit_cache = True


class regulars_not(GenericFunction[bool]):  # noqa: N801 - the name it has in SQL
    """The opposite; NULL for NULL. In parentheses, since NOT binds more loosely than what may follow it."""

    type = Boolean()
    inherit_cache = True


class regulars_is_null(GenericFunction[bool]):  # noqa: N801 - the name it has in SQL
    """Whether the value is NULL."""

    type = Boolean()
    inherit_cache = True


_INFIX: dict[type[GenericFunction[Any]], str] = {
    regulars_plus: "(({0}) + ({1}))",
    regulars_minus: "(({0}) - ({1}))",
    regulars_times: "(({0}) * ({1}))",
    regulars_over: "(({0}) / nullif({1}, 0.0))",
    regulars_not: "(NOT ({0}))",
    regulars_is_null: "(({0}) IS NULL)",
}


def _infix(element: Any, compiler: Any, **options: Any) -> str:
    return _INFIX[type(element)].format(*(compiler.process(clause, **options) for clause in element.clauses))


for _function in _INFIX:
    compiles(_function)(_infix)


class regulars_contains(GenericFunction[bool]):  # noqa: N801 - the name it has in SQL
    """Whether the first text contains the second, case-sensitively."""

    type = Boolean()
    inherit_cache = True


@compiles(regulars_contains)
def _contains(element: Any, compiler: Any, **options: Any) -> str:
    name = "strpos" if compiler.dialect.name == "postgresql" else "instr"
    return f"({name}({compiler.process(element.clauses, **options)}) > 0)"


class regulars_ordered(GenericFunction[str]):  # noqa: N801 - the name it has in SQL
    """A text that is ordered by code point, whatever the database's collation."""

    type = Text()
    inherit_cache = True


@compiles(regulars_ordered)
def _ordered(element: Any, compiler: Any, **options: Any) -> str:
    order = '"C"' if compiler.dialect.name == "postgresql" else "BINARY"
    return f"(({compiler.process(element.clauses, **options)}) COLLATE {order})"


class regulars_whole(GenericFunction[int]):  # noqa: N801 - the name it has in SQL
    """A double truncated to a whole number, towards zero."""

    type = BigInteger()
    inherit_cache = True


@compiles(regulars_whole, "postgresql")
def _whole_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(trunc({compiler.process(element.clauses, **options)}) AS bigint)"


class regulars_alive(GenericFunction[float]):  # noqa: N801 - the name it has in SQL
    """The probability that a client is still active: `alive` in SQL."""

    type = Double()
    inherit_cache = True


@compiles(regulars_alive, "postgresql")
def _alive_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    x, recency, age, r, alpha, a, b = (f"({compiler.process(clause, **options)})" for clause in element.clauses)
    odds = f"({r} + {x}) * ln(({alpha} + {age}) / ({alpha} + {recency}))"
    lost = f"{a} / ({b} + {x} - 1.0::double precision) * exp(least({odds}, {_MOST_ODDS}::double precision))"
    some = f"1.0::double precision / (1.0::double precision + {lost})"
    return f"(CASE WHEN {x} > 0 THEN {some} WHEN {r} > 0 AND {age} >= 0 THEN 1.0 END)"


_MOST_ODDS = 600.0
"""Limit of the exponent: beyond it the probability is zero, below it no double overflows."""


def alive(
    x: float | None, recency: float | None, age: float | None, r: float | None, alpha: float | None,
    a: float | None, b: float | None,
) -> float | None:  # fmt: skip
    """The BG/NBD probability that a client is still active, with `x` repeat purchases, the last at age `recency`.

    In weeks, as the parameters are; 1 without a repeat purchase; None where any input is unknown.
    """
    if x is None or recency is None or age is None or r is None or alpha is None or a is None or b is None:
        return None
    if x <= 0:
        return 1.0
    odds = (r + x) * math.log((alpha + age) / (alpha + recency))
    return 1.0 / (1.0 + a / (b + x - 1.0) * math.exp(min(odds, _MOST_ODDS)))


class regulars_label(GenericFunction[str]):  # noqa: N801 - the name it has in SQL
    """A number as the shortest text of at most six decimals: `label` in SQL."""

    type = Text()
    inherit_cache = True


@compiles(regulars_label, "postgresql")
def _label_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(trim_scale(round(CAST({compiler.process(element.clauses, **options)} AS numeric), 6)) AS text)"


def label(value: float | None) -> str | None:
    """A number as the shortest text of at most six decimals, the same in both databases and in Python."""
    if value is None:
        return None
    rounded = Decimal(f"{value:.15g}").quantize(Decimal("0.000001"), ROUND_HALF_UP)
    found = f"{rounded:f}".rstrip("0").rstrip(".")
    return "0" if found in ("-0", "") else found


class regulars_starts_with(GenericFunction[bool]):  # noqa: N801 - the name it has in SQL
    """Whether the first text begins with the second."""

    type = Boolean()
    inherit_cache = True


@compiles(regulars_starts_with, "postgresql")
def _starts_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"starts_with({compiler.process(element.clauses, **options)})"


class regulars_ends_with(GenericFunction[bool]):  # noqa: N801 - the name it has in SQL
    """Whether the first text ends with the second."""

    type = Boolean()
    inherit_cache = True


@compiles(regulars_ends_with, "postgresql")
def _ends_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    whole, part = (compiler.process(clause, **options) for clause in element.clauses)
    return f"starts_with(reverse({whole}), reverse({part}))"


def days_between(later: str | None, earlier: str | None) -> float | None:
    """`regulars_days` for SQLite."""
    if later is None or earlier is None:
        return None
    return float((date.fromisoformat(later) - date.fromisoformat(earlier)).days)


def starts_with(whole: str | None, part: str | None) -> bool | None:
    """`regulars_starts_with` for SQLite."""
    return None if whole is None or part is None else whole.startswith(part)


def ends_with(whole: str | None, part: str | None) -> bool | None:
    """`regulars_ends_with` for SQLite."""
    return None if whole is None or part is None else whole.endswith(part)


def register(connection: sqlite3.Connection) -> None:
    """Registers the functions on a SQLite connection."""
    connection.create_function("regulars_number", 1, number, deterministic=True)
    connection.create_function("regulars_day", 2, day, deterministic=True)
    connection.create_function("regulars_date", 1, date_number, deterministic=True)
    connection.create_function("regulars_days", 2, days_between, deterministic=True)
    connection.create_function("regulars_whole", 1, lambda v: None if v is None else int(v), deterministic=True)
    connection.create_function("regulars_alive", 7, alive, deterministic=True)
    connection.create_function("regulars_label", 1, label, deterministic=True)
    connection.create_function("regulars_starts_with", 2, starts_with, deterministic=True)
    connection.create_function("regulars_ends_with", 2, ends_with, deterministic=True)
