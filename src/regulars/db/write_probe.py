"""Tests whether the database is writable, by writing and committing one small row.

A full disk, a read-only database and a file without permissions can still be read. The probe does not wait for
another process's transaction: where one is under way, the database can be written.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from regulars.db.types import to_micros

_WAIT_MS = 500
_IN_MEMORY = (None, "", ":memory:")
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LOCK_NOT_AVAILABLE = "55P03"


def write_fault(engine: Engine, now: datetime) -> str | None:
    """The database's error message when it cannot be written, or None."""
    try:
        if engine.url.database in _IN_MEMORY:
            return None
        if engine.dialect.name == "sqlite":
            _write_sqlite(str(engine.url.database), now)
        else:
            _write_postgresql(engine, now)
    except sqlite3.Error as error:
        return None if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY else str(error)
    except DBAPIError as error:
        return None if getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE else str(error.orig)
    return None


_UPSERT = "INSERT INTO write_probes (id, at) VALUES (1, {}) ON CONFLICT (id) DO UPDATE SET at = excluded.at"


def _write_sqlite(file: str, now: datetime) -> None:
    # A separate connection: one of the pool would wait a minute for a writer. It creates no file where there is none.
    address = f"{Path(file).resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(address, uri=True, timeout=_WAIT_MS / 1000)
    try:
        with connection:
            connection.execute(_UPSERT.format("?"), (to_micros(now),))
    finally:
        connection.close()


def _write_postgresql(engine: Engine, now: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MS}"))
        connection.execute(text(_UPSERT.format(":at")), {"at": to_micros(now)})
