"""Tests whether the database is writable: a worker commits one small row every few seconds, everybody reads its age.

A full disk, a read-only database and a file without permissions can still be read. The probe does not wait for
another process's transaction: where one is under way, the database can be written. Its time is the database's.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from regulars.db.database_time import MICROS, database_time
from regulars.db.tables import write_probes

_WAIT_MS = 500
_IN_MEMORY = (None, "", ":memory:")
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LOCK_NOT_AVAILABLE = "55P03"
_UPSERT = "INSERT INTO write_probes (id, at) VALUES (1, {}) ON CONFLICT (id) DO UPDATE SET at = excluded.at"
_DELETE = "DELETE FROM write_probes"
_OTHERS_WRITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
    " AND pid <> pg_backend_pid()"
)


def write_fault(engine: Engine) -> str | None:
    """Writes the probe; the database's error message when it cannot be written, or None."""
    return _write(engine, _UPSERT.format(MICROS[engine.dialect.name]))


def forget_probe(engine: Engine) -> None:
    """Removes the probe of a worker that ends, if that is possible: from now on nobody writes it."""
    _write(engine, _DELETE)


def probe_age(connection: Connection) -> timedelta | None:
    """Since when no worker has written its probe, by the database's clock; None where no worker runs."""
    at = connection.scalar(select(write_probes.c.at))
    return None if at is None else database_time(connection) - at


def is_being_written(engine: Engine) -> bool:
    """Whether another process has a writing transaction at this moment, for which a probe may wait; changes nothing."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            return bool(connection.scalar(_OTHERS_WRITING))
    if engine.url.database in _IN_MEMORY:
        return False
    try:
        with closing(_open_sqlite(engine, 0)) as lock:
            lock.execute("BEGIN IMMEDIATE")  # takes the lock of a writer, and writes nothing
            lock.execute("ROLLBACK")
    except sqlite3.Error as error:
        return _is_busy(error)
    return False


def _write(engine: Engine, statement: str) -> str | None:
    try:
        if engine.url.database in _IN_MEMORY:
            return None
        if engine.dialect.name == "sqlite":
            # A separate connection: one of the pool would wait a minute for a writer.
            with closing(_open_sqlite(engine, _WAIT_MS)) as own, own:
                own.execute(statement)
        else:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MS}"))
                connection.execute(text(statement))
    except sqlite3.Error as error:
        return None if _is_busy(error) else str(error)
    except DBAPIError as error:
        return None if getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE else str(error.orig)
    return None


def _open_sqlite(engine: Engine, wait_ms: int) -> sqlite3.Connection:
    """It creates no file where there is none."""
    address = f"{Path(str(engine.url.database)).resolve().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=wait_ms / 1000, isolation_level="DEFERRED")


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY
