"""Opening the database: one function for SQLite and PostgreSQL, and one kind of transaction.

SQLite runs in WAL mode; a writing transaction takes the write lock when it begins, so that two of them
wait for each other and never fail in the middle.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from regulars.core import extras
from regulars.core.diagnostics import did_you_mean
from regulars.core.errors import EnvironmentFailed
from regulars.db import json_fields, sql_functions

UNUSED = 1.0
"""Seconds of idle time after which a connection is tested before use."""


def open_engine(url: str) -> Engine:
    """An engine for the URL; raises EnvironmentFailed when the URL cannot be used.

    `postgresql://` and `postgres://` are read as `postgresql+psycopg://`.
    """
    parsed = _parsed(url)
    extras.require_for_url("REGULARS_DATABASE_URL", f"{parsed.drivername}://")
    try:
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed)
        _require_known_options(parsed)
        engine = create_engine(parsed, connect_args=_connect_arguments(parsed))
    except (NoSuchModuleError, ImportError) as error:
        hint = f"; {extras.command('postgres')}" if parsed.get_backend_name() == "postgresql" else ""
        raise EnvironmentFailed(f"no database driver for {parsed.drivername}: {error}{hint}") from error
    _test_idle_connections(engine)
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise EnvironmentFailed("REGULARS_DATABASE_URL is not a database URL") from None
    except ValueError:  # its only number; what was read as the port may be half of a password, and is not repeated
        hint = "in a user name or password write %2F for `/`, %3A for `:`, %40 for `@`"
        raise EnvironmentFailed(f"the port in REGULARS_DATABASE_URL is not a number; {hint}") from None
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _require_known_options(url: URL) -> None:
    """Raises EnvironmentFailed for an option after `?` that PostgreSQL does not know; its value may be a secret."""
    from psycopg.pq import Conninfo

    known = [option.keyword.decode() for option in Conninfo.get_defaults()]
    for name in url.query:
        if name not in known:
            hint = did_you_mean(name, known) or "PostgreSQL's documentation of connection strings lists them"
            raise EnvironmentFailed(f"REGULARS_DATABASE_URL has the option `{name}`, which PostgreSQL has not; {hint}")


_DEAD_AFTER = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""Seconds, seconds and probes: by then a host that was cut off is given up, and its locks are free."""
_UNACKNOWLEDGED_MS = 20_000
"""Milliseconds for which data that was sent may stay unacknowledged."""
_CONNECT_SECONDS = 10
_SESSION = {
    # Many short statements, none of them worth compiling: that alone can take half a second.
    "jit": "off",
    # The server's side: it would keep the locks of a host that was cut off for two hours.
    **{f"tcp_{name}": value for name, value in _DEAD_AFTER.items()},
    "tcp_user_timeout": _UNACKNOWLEDGED_MS,
    # A process that was stopped, whose machine still answers.
    "idle_in_transaction_session_timeout": 600_000,
}
"""Settings of every session with PostgreSQL; `options` in the URL come after them, and so prevail."""


def _connect_arguments(url: URL) -> dict[str, Any]:
    """Arguments of libpq. Those in the URL prevail."""
    options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    own = url.query.get("options", "")
    ours: dict[str, Any] = {
        **_DEAD_AFTER, "tcp_user_timeout": _UNACKNOWLEDGED_MS, "connect_timeout": _CONNECT_SECONDS,
    }  # fmt: skip
    given = {name: value for name, value in ours.items() if name not in url.query}
    return {**given, "options": f"{options} {own if isinstance(own, str) else ' '.join(own)}".strip()}


def _test_idle_connections(engine: Engine) -> None:
    """Tests an idle connection before it is used again.

    Not on every use, as the pool's own pre-ping would: a worker uses one a hundred times a second.
    """

    @event.listens_for(engine, "checkin")
    def left(connection: object, record: ConnectionPoolEntry) -> None:
        record.info["left"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        if time.monotonic() - record.info.get("left", math.inf) > UNUSED:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError("it stands no more") from error


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 60.0})

    @event.listens_for(engine, "do_connect")
    def create(_: object, __: object, arguments: list[Any], ___: object) -> None:
        _create_private(arguments[0])

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is issued below
        connection.execute("PRAGMA journal_mode=WAL")
        # With NORMAL a power failure can lose the last commits, such as the record that an email is being sent.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=60000")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA temp_store=MEMORY")
        sql_functions.register(connection)
        json_fields.register(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = "" if connection.get_execution_options().get("read_only") else "IMMEDIATE"
        connection.exec_driver_sql(f"BEGIN {mode}".strip())

    return engine


def _create_private(file: str) -> None:
    """Creates the file of a new database with mode 0600; SQLite gives its -wal and -shm files the same mode."""
    if file not in {"", ":memory:"} and not file.startswith("file:"):
        with suppress(OSError):  # it exists, or SQLite reports the error
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


@contextmanager
def write(engine: Engine, lock_seconds: float | None = None) -> Iterator[Connection]:
    """One writing transaction: committed at the end, rolled back on an exception.

    With `lock_seconds` it raises EnvironmentFailed instead of waiting longer for another transaction, on PostgreSQL.
    """
    with _failures_named(), engine.begin() as connection:
        if lock_seconds is not None and engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(lock_seconds * 1000)}")
        yield connection


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A read-only transaction: one consistent view of the database."""
    with _failures_named(), engine.connect() as raw:
        if raw.dialect.name == "postgresql":
            connection = raw.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            connection = raw.execution_options(read_only=True)
        with connection.begin():
            yield connection


@contextmanager
def dry_run(engine: Engine) -> Iterator[Connection]:
    """A writing transaction that is always rolled back, to simulate with the real code."""
    with _failures_named(), engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


def analyze(engine: Engine) -> None:
    """Updates the database's statistics after many rows were added: query plans depend on them."""
    with write(engine) as connection:
        connection.execute(text("ANALYZE" if connection.dialect.name == "postgresql" else "PRAGMA optimize"))


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT with ON CONFLICT, in the connection's dialect."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise EnvironmentFailed(f"the database failed: {error.orig}") from error
    except (DatabaseError, sqlite3.DatabaseError) as error:
        # Subclasses mean faults of the program; this exact class means a file that is not a database, or a damaged one.
        if type(error) not in {DatabaseError, sqlite3.DatabaseError, sqlite3.OperationalError}:
            raise
        raise EnvironmentFailed(f"the database failed: {getattr(error, 'orig', error)}") from error
