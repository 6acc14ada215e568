"""Empty databases for the store room: a SQLite file and a PostgreSQL scratch database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from regulars.store.engine import open_engine
from regulars.store.tables import metadata

SERVER = os.environ.get("REGULARS_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without any table."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
        yield engine
        engine.dispose()
        return
    admin = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"regulars_store_{uuid4().hex[:12]}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        pytest.skip(f"no PostgreSQL at {admin.url}: {error.orig}")
    engine = open_engine(admin.url.set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def engine(empty: Engine) -> Engine:
    """A database with every table."""
    metadata.create_all(empty)
    return empty
