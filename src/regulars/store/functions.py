"""The few functions SQL needs beyond what SQLite and PostgreSQL share, under one name in both.

On SQLite they are Python functions registered on each connection; on PostgreSQL they are built from its
own functions. `number` reads a number out of text, as importers and JSON write it.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import Double

NUMBER = r"^[ ]*[-+]?[0-9]{1,15}([.][0-9]{1,15})?[ ]*$"
"""What counts as a number in text: at most fifteen digits on each side, so that a double keeps it."""
_NUMBER = re.compile(NUMBER)


def number(value: object) -> float | None:
    """The number that the text spells, or None. Not a boolean, not an exponent, not infinity."""
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


def register(connection: sqlite3.Connection) -> None:
    """Makes the functions known to a SQLite connection."""
    connection.create_function("regulars_number", 1, number, deterministic=True)
