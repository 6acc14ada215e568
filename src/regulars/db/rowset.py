"""Many rows as one parameter of a statement: SQL sees them as a table, in both databases.

The rows travel as one JSON parameter, so a batch costs one round trip, no temporary table, and no limit on
the number of bound values. Measured for 70,000 rows of eight values, inserted: PostgreSQL 0.5 s (by COPY into
a temporary table 0.3 s, by executemany 0.6 s), SQLite 0.2 s (by a temporary table 0.2 s).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    Text,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from regulars.db.engine import insert

Types = Mapping[str, TypeEngine[Any]]
"""The columns of a rowset, in the order of its rows' values."""


def rowset(connection: Connection, name: str, types: Types, rows: Iterable[Sequence[Any]]) -> FromClause:
    """The rows as a FROM clause called `name`.

    Values are JSON types; instants and money are the integers stored in the database.
    """
    return rows_of(connection, name, types, literal(encoded(connection, types, rows), Text))


def encoded(connection: Connection, types: Types, rows: Iterable[Sequence[Any]]) -> str:
    """The rows as the parameter from which `rows_of` reads them."""
    if connection.dialect.name == "postgresql":
        return orjson.dumps([dict(zip(types, row, strict=True)) for row in rows]).decode()
    return orjson.dumps(list(rows)).decode()


def rows_of(connection: Connection, name: str, types: Types, text: ColumnElement[str]) -> FromClause:
    """The rows of such a parameter as a FROM clause called `name`."""
    if connection.dialect.name == "postgresql":
        records = func.json_to_recordset(cast(text, JSON))
        columns = [column(key, kind) for key, kind in types.items()]
        return records.table_valued(*columns).render_derived(name=name, with_types=True)
    each = func.json_each(text).table_valued("value", name=f"{name}_rows")
    cells = [
        func.json_extract(each.c.value, f"$[{place}]", type_=kind).label(key)
        for place, (key, kind) in enumerate(types.items())
    ]
    return select(*cells).select_from(each).subquery(name)


def ids(connection: Connection, keys: Iterable[int]) -> Select[Any]:
    """A SELECT of the given surrogate keys, for `column.in_(…)`."""
    return select(rowset(connection, "given_ids", {"id": BigInteger()}, [[key] for key in keys]).c.id)


def lookup(
    connection: Connection, key: Column[Any], keys: Iterable[str], *values: ColumnElement[Any]
) -> dict[str, list[Any]]:
    """For each key found in the column: the rows of `values`, possibly several."""
    given = rowset(connection, "wanted", {"wanted": Text()}, [[one] for one in set(keys)])
    found: dict[str, list[Any]] = {}
    for row in connection.execute(select(key, *values).join_from(given, key.table, key == given.c.wanted)):
        found.setdefault(row[0], []).append(row[1] if len(values) == 1 else row[1:])
    return found


def upsert(
    connection: Connection,
    table: Table,
    given: FromClause,
    key: str,
    *,
    defaults: Mapping[str, ColumnElement[Any]],
    touch: Mapping[str, Any] | None = None,
    merged: frozenset[str] = frozenset(),
    lasting: frozenset[str] = frozenset(),
) -> tuple[set[int], set[int]]:
    """Inserts rows with a new key and updates the others; returns the ids of added and changed rows.

    A null leaves the stored value, and in a new row becomes the default. Columns named in `merged` are JSON objects
    whose keys overwrite the old ones; those in `lasting` are set in new rows only. `touch` is set in rows that
    change.
    """
    changed = _update(connection, table, given, {key, *lasting}, key, touch or {}, merged)
    names = [c.name for c in given.c] + [name for name in defaults if name not in given.c]
    values = [
        func.coalesce(given.c[name], defaults[name], type_=table.c[name].type)
        if name in given.c and name in defaults
        else (given.c[name] if name in given.c else defaults[name])
        for name in names
    ]
    fresh = select(*values).where(~select(table.c.id).where(table.c[key] == given.c[key]).exists())
    statement = insert(connection, table).from_select(names, fresh).on_conflict_do_nothing().returning(table.c.id)
    return set(connection.scalars(statement)), changed


def _update(
    connection: Connection,
    table: Table,
    given: FromClause,
    left: Collection[str],
    key: str,
    touch: Mapping[str, Any],
    merged: frozenset[str],
) -> set[int]:
    after = {
        c.name: _laid_over(connection, table.c[c.name], c)
        if c.name in merged
        else func.coalesce(c, table.c[c.name], type_=table.c[c.name].type)
        for c in given.c
        if c.name not in left
    }
    if not after:
        return set()
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in after.items()))
    statement = (
        update(table).values({**after, **touch}).where(table.c[key] == given.c[key], differs).returning(table.c.id)
    )
    return set(connection.scalars(statement))


def _laid_over(connection: Connection, old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.coalesce(old.op("||")(new), old, type_=old.type)
    return func.coalesce(func.json_patch(old, new), old, type_=old.type)
