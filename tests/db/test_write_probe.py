"""A database that reads but cannot be written is found out; one that is busy is none."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from regulars.db.engine import open_engine, read, write
from regulars.db.write_probe import forget_probe, is_being_written, probe_age, write_fault


def _age(engine: Engine) -> timedelta | None:
    with read(engine) as connection:
        return probe_age(connection)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_age_of_the_probe_is_told_by_the_clock_of_the_database(engine: Engine) -> None:
    assert _age(engine) is None
    assert [write_fault(engine) for _ in range(2)] == [None, None]
    age = _age(engine)
    assert age is not None
    assert timedelta(0) <= age < timedelta(seconds=20)
    with write(engine) as connection:
        connection.execute(text("UPDATE write_probes SET at = at - 60000000"))
    assert timedelta(seconds=60) <= (_age(engine) or timedelta(0)) < timedelta(seconds=80)
    forget_probe(engine)
    assert _age(engine) is None


def test_a_database_that_others_write_is_not_waited_for(engine: Engine) -> None:
    assert write_fault(engine) is None
    assert not is_being_written(engine)
    found: list[Any] = []
    with write(engine) as connection:
        connection.execute(text("UPDATE write_probes SET at = at + 1"))
        probe = threading.Thread(target=lambda: found.extend([write_fault(engine), is_being_written(engine)]))
        probe.start()
        probe.join(20)
    assert found == [None, True]
    assert not is_being_written(engine)


def test_a_full_disk_is_told(sqlite_engine: Engine) -> None:
    with full_disk():
        found = write_fault(sqlite_engine)
    assert found in {"disk I/O error", "database or disk is full"}
    assert write_fault(sqlite_engine) is None


def test_a_read_only_database_says_so(postgres_engine: Engine) -> None:
    engine = open_engine(postgres_engine.url.render_as_string(hide_password=False))

    @event.listens_for(engine, "connect")
    def read_only(connection: Any, _: object) -> None:
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.commit()

    assert "read-only" in str(write_fault(engine))
    engine.dispose()


def test_no_database_is_made_where_there_is_none(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.sqlite")
    assert write_fault(engine) == "unable to open database file"
    assert list(tmp_path.iterdir()) == []
