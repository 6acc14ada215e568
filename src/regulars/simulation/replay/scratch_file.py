"""A scratch database in a file of its own, which goes with the process: SQLite, whatever the real database is.

It is written without waiting for the disk, for nobody reads it after a crash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, event

from regulars.db.engine import open_engine

_CACHE_KIB = 48 * 1024
"""Memory for pages of the file, in KiB."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that only this user can read, removed at the end with all that is in it; TMPDIR says where."""
    with TemporaryDirectory(prefix="regulars-simulation-") as folder:
        yield Path(folder)


@contextmanager
def scratch_engine(path: Path) -> Iterator[Engine]:
    """The database in this file, made if it does not exist."""
    engine = open_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def hasten(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA foreign_keys=OFF")  # rows come in the order in which they were known
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")

    try:
        yield engine
    finally:
        engine.dispose()
