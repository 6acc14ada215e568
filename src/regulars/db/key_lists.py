"""Lists of surrogate keys, passed as one parameter of any length, and stored in one column.

A list is passed as the text of a JSON array: binding numbers one by one costs the driver more than the database's
look-up. A statement with a `bindparam` is built once and reused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import BindParameter, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import Boolean, Integer, Text

from regulars.db.types import Keys

KeyList = Iterable[int] | BindParameter[str]
"""Keys, or the parameter for a `listing` of them."""


def listing(keys: Iterable[int]) -> str:
    """The keys as text."""
    return orjson.dumps(list(keys)).decode()


class regulars_keys(GenericFunction[list[int]]):  # noqa: N801 - the name it has in SQL
    """A listing as the value of a column of keys."""

    type = Keys  # type: ignore[assignment]
    inherit_cache = True


class regulars_size(GenericFunction[int]):  # noqa: N801 - the name it has in SQL
    """The number of keys in such a column."""

    type = Integer()
    inherit_cache = True


class regulars_among(GenericFunction[bool]):  # noqa: N801 - the name it has in SQL
    """Whether the first is one of the keys of a listing."""

    type = Boolean()
    inherit_cache = True


def among(key: ColumnElement[int], keys: KeyList) -> ColumnElement[bool]:
    """Whether the key is one of `keys`."""
    return regulars_among(key, _text(keys))


def keys_column(keys: KeyList) -> ColumnElement[list[int]]:
    """The keys as a value of a column of such lists."""
    return regulars_keys(_text(keys))


def size(column: ColumnElement[Any]) -> ColumnElement[int]:
    """The number of keys in the column."""
    return regulars_size(column)


def _text(keys: KeyList) -> ColumnElement[str]:
    return keys if isinstance(keys, BindParameter) else literal(listing(keys), Text)


@compiles(regulars_keys)
def _keys(element: Any, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(regulars_keys, "postgresql")
def _keys_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"CAST(translate({compiler.process(element.clauses, **options)}, '[]', '{{}}') AS bigint[])"


@compiles(regulars_size)
def _size(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **options)})"


@compiles(regulars_size, "postgresql")
def _size_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"cardinality({compiler.process(element.clauses, **options)})"


@compiles(regulars_among)
def _among(element: Any, compiler: Any, **options: Any) -> str:
    key, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({key} IN (SELECT value FROM json_each({keys})))"  # noqa: S608 - clauses that were compiled


@compiles(regulars_among, "postgresql")
def _among_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    key, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({key} = ANY (CAST(translate({keys}, '[]', '{{}}') AS bigint[])))"
