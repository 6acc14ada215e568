"""The present time by the database's clock, which all processes share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_NOW = {
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}
"""Seconds since 1970 by the database's clock."""
MICROS = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
}
"""Microseconds since 1970 by the database's clock, as SQL; on PostgreSQL not of the transaction's begin."""


def database_time(connection: Connection) -> datetime:
    """The present by the database's clock, in UTC; unlike `CURRENT_TIMESTAMP` not that of the transaction's begin."""
    return datetime.fromtimestamp(float(connection.execute(_NOW[connection.dialect.name]).scalar_one()), UTC)


class database_micros(FunctionElement[int]):  # noqa: N801 - reads as a function of SQL
    """The present within a statement: microseconds since 1970 by the clock of the database that executes it."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_micros)
def _compiled(element: database_micros, compiler: SQLCompiler, **_: Any) -> str:
    return MICROS[compiler.dialect.name]
