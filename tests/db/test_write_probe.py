"""A database that reads but cannot be written is found out; one that is busy is none."""

from __future__ import annotations

import resource
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from regulars.core import clock
from regulars.db.engine import open_engine, write
from regulars.db.write_probe import write_fault


def test_a_sound_database_has_no_fault(engine: Engine) -> None:
    assert [write_fault(engine, clock.system()) for _ in range(2)] == [None, None]


def test_a_database_that_others_write_is_not_waited_for(engine: Engine) -> None:
    assert write_fault(engine, clock.system()) is None
    found: list[str | None] = []
    with write(engine) as connection:
        connection.execute(text("UPDATE write_probes SET at = at + 1"))
        probe = threading.Thread(target=lambda: found.append(write_fault(engine, clock.system())))
        probe.start()
        probe.join(20)
    assert found == [None]


def test_a_full_disk_is_told(sqlite_engine: Engine) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # no file may grow
    try:
        found = write_fault(sqlite_engine, clock.system())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert found in {"disk I/O error", "database or disk is full"}
    assert write_fault(sqlite_engine, clock.system()) is None


def test_a_read_only_database_says_so(postgres_engine: Engine) -> None:
    engine = open_engine(postgres_engine.url.render_as_string(hide_password=False))

    @event.listens_for(engine, "connect")
    def read_only(connection: Any, _: object) -> None:
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.commit()

    assert "read-only" in str(write_fault(engine, clock.system()))
    engine.dispose()


def test_no_database_is_made_where_there_is_none(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.sqlite")
    assert write_fault(engine, clock.system()) == "unable to open database file"
    assert list(tmp_path.iterdir()) == []
