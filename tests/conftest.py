"""Fixtures for every room: databases, brokers, an inbox, and how hard Hypothesis tries.

A database test gets all tables, empty. `engine` runs it twice, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import Engine

from regulars.db import tables, touched
from regulars.db.engine import open_engine, write
from tests.common import brokers, databases, servers
from tests.common.bench import Bench
from tests.common.smtp import Inbox

_ALWAYS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],  # explaining a failure takes minutes here
)
pytest_plugins = ["tests.common.left_out"]
# Emails that one process of the suite found sound need not be compiled by the next one, nor clutter a person's cache.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / ".cache" / "user")

settings.register_profile("fast", _ALWAYS, max_examples=3, derandomize=True)
settings.register_profile("dev", _ALWAYS, max_examples=10)
settings.register_profile("ci", _ALWAYS, max_examples=40, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


# ---------------------------------------------------------------- databases


def _create_all(engine: Engine) -> None:
    """The schema as migrations leave it."""
    with write(engine) as connection:
        tables.metadata.create_all(connection)
        touched.install(connection)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to copy: much faster than creating them for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    _create_all(engine)
    with engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The libpq URL of a PostgreSQL server's maintenance database."""
    with _or_skip(servers.postgres()) as url:
        yield url


# One engine for all tests of a process, on a database that is emptied before each: it keeps what it has compiled.


@pytest.fixture(scope="session")
def _sqlite_of_all(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return open_engine(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'regulars.sqlite'}")


@pytest.fixture(scope="session")
def _postgres_of_all(postgres_server: str) -> Iterator[Engine]:
    with servers.scratch_database(postgres_server) as url:
        engine = open_engine(url)
        _create_all(engine)
        engine.dispose()
        yield engine
        engine.dispose()


@pytest.fixture
def sqlite_engine(_sqlite_template: Path, _sqlite_of_all: Engine) -> Iterator[Engine]:
    """SQLite in a file, all tables, empty. Its URL is `engine.url`, for processes that open it too."""
    path = Path(str(_sqlite_of_all.url.database))
    for old in path.parent.glob("*"):
        old.unlink()
    shutil.copyfile(_sqlite_template, path)
    yield _sqlite_of_all
    _sqlite_of_all.dispose()


@pytest.fixture
def postgres_engine(_postgres_of_all: Engine) -> Iterator[Engine]:
    """PostgreSQL in a scratch database, all tables, empty."""
    databases.empty(_postgres_of_all.url.render_as_string(hide_password=False))
    yield _postgres_of_all
    _postgres_of_all.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Both databases, one after the other; use `sqlite_engine` or `postgres_engine` for one of them."""
    name = "sqlite_engine" if request.param == "sqlite" else "postgres_engine"
    found = request.getfixturevalue(name)
    assert isinstance(found, Engine)
    return found


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A database with no table at all, for migrations."""
    with servers.scratch_database(postgres_server) as url:
        yield url


# ---------------------------------------------------------------- brokers, mail


@pytest.fixture(scope="session")
def _redis_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with _or_skip(servers.redis_server(tmp_path_factory.mktemp("redis"))) as url:
        yield url


@pytest.fixture
def redis_url(_redis_of_all: str) -> str:
    """A Redis that this test process has for itself, empty."""
    brokers.wipe(_redis_of_all)
    return _redis_of_all


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A RabbitMQ virtual host that this test process has for itself."""
    with _or_skip(servers.rabbitmq(tmp_path_factory.mktemp("rabbitmq"))) as url:
        yield url


@pytest.fixture
def smtp_inbox() -> Iterator[Inbox]:
    """A real SMTP server on a free loopback port that keeps every message it accepts."""
    with Inbox() as inbox:
        yield inbox


@contextlib.contextmanager
def _or_skip(server: AbstractContextManager[str]) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(server)
        except servers.Unavailable as reason:
            pytest.skip(str(reason))
        yield url


@pytest.fixture
def bench(engine: Engine) -> Bench:
    """A planner on an empty database, SQLite and PostgreSQL in turn."""
    return Bench(engine)
