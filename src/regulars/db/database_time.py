"""The present time by the database's clock, which all processes share."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, text

_NOW = {
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())"),
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
}
"""Seconds since 1970 by the database's clock."""


def database_time(connection: Connection) -> datetime:
    """The present by the database's clock, in UTC; unlike `CURRENT_TIMESTAMP` not that of the transaction's begin."""
    return datetime.fromtimestamp(float(connection.execute(_NOW[connection.dialect.name]).scalar_one()), UTC)
