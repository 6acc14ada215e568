"""Opening the database: one way in for SQLite and PostgreSQL, and one kind of transaction.

SQLite runs in WAL mode; a writing transaction takes the write lock when it begins, so that two of them
wait for each other and never fail half-way.
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
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from regulars.core import extras
from regulars.core.errors import EnvironmentFailed
from regulars.db import json_fields, sql_functions

UNUSED = 1.0
"""Seconds after which a connection is asked whether it still stands."""


def open_engine(url: str) -> Engine:
    """An engine for the URL; raises EnvironmentFailed when the URL cannot be used.

    `postgresql://` and `postgres://` are read as `postgresql+psycopg://`.
    """
    parsed = _parsed(url)
    extras.require_for_url("REGULARS_DATABASE_URL", f"{parsed.drivername}://")
    try:
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(parsed)
        # Many short statements, none of them worth compiling: that alone can take half a second.
        engine = create_engine(parsed, connect_args={"options": "-c jit=off"})
    except (NoSuchModuleError, ImportError) as error:
        hint = f"; {extras.command('postgres')}" if parsed.get_backend_name() == "postgresql" else ""
        raise EnvironmentFailed(f"no database driver for {parsed.drivername}: {error}{hint}") from error
    _look_after(engine)
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


def _look_after(engine: Engine) -> None:
    """Asks a connection that has lain unused whether it still stands, before it is used again.

    Not each time, as the pool itself would: a worker uses one a hundred times a second.
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
        connection.isolation_level = None  # BEGIN is ours, below
        connection.execute("PRAGMA journal_mode=WAL")
        # With NORMAL a power failure takes back what was committed last: that an email is on its way, for one.
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
    """Makes the file of a new database, for its owner alone; SQLite gives its -wal and -shm files the same mode."""
    if file not in {"", ":memory:"} and not file.startswith("file:"):
        with suppress(OSError):  # it is there already, or SQLite says what is wrong
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """One writing transaction: committed at the end, rolled back on an exception."""
    with _failures_named(), engine.begin() as connection:
        yield connection


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database; nothing is written."""
    with _failures_named(), engine.connect() as raw:
        if raw.dialect.name == "postgresql":
            connection = raw.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            connection = raw.execution_options(read_only=True)
        with connection.begin():
            yield connection


@contextmanager
def rehearse(engine: Engine) -> Iterator[Connection]:
    """A writing transaction that is always undone: what would happen, by the code that makes it happen."""
    with _failures_named(), engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


def analyze(engine: Engine) -> None:
    """Lets the database count its tables anew, after many rows came in: its plans depend on it."""
    with write(engine) as connection:
        connection.execute(text("ANALYZE" if connection.dialect.name == "postgresql" else "PRAGMA optimize"))


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


@contextmanager
def _failures_named() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise EnvironmentFailed(f"the database failed: {error.orig}") from error
