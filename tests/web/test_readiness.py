"""`/healthz` and `/readyz`: what is wrong is said, without what is nobody else's business."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from regulars.db import upgrade
from regulars.db.engine import open_engine, write
from regulars.ledger.lane_states import LaneOutage, note_outage, note_recovery
from regulars.ledger.switches import Scope, Target, pause, resume
from regulars.operation import applied_versions
from regulars.operation.applied_versions import By
from regulars.operation.database_upgrade import upgrade_database
from regulars.operation.workspace_versions import files_of
from regulars.operation.write_check import WriteCheck
from regulars.workspace.folder import open_workspace
from tests.common.people import SECRET
from tests.common.servers import scratch_database
from tests.common.workspace import write_workspace
from tests.web.shop import NOW, Shop, open_shop


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database made as an operator makes it."""
    found = open_engine(f"sqlite:///{tmp_path / 'regulars.sqlite'}")
    upgrade_database(found, secret=SECRET)
    yield found
    found.dispose()


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Iterator[Shop]:
    """A shop on it, with a rule file of its own, that looks at its files on every request."""
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    with open_shop(engine, root=tmp_path) as found:
        assert found.site is not None
        found.site.reload_seconds = 0
        assert found.site.faults is None
        yield found


def ready(shop: Shop) -> tuple[int, str]:
    answer = shop.get("/readyz")
    return answer.status, answer.text


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_ready_on_a_database_of_this_version(shop: Shop) -> None:
    assert ready(shop) == (200, "ready\n")
    assert shop.get("/healthz").text == "ok\n"


def test_files_that_differ_from_the_applied_version_are_a_note_and_no_fault(
    shop: Shop, engine: Engine, tmp_path: Path
) -> None:
    workspace = open_workspace(tmp_path)
    with write(engine) as connection:
        applied_versions.put_in_force(connection, files_of(workspace), "manual", "apply", By("ana"), None, NOW)
    assert ready(shop) == (200, "ready\n")
    (tmp_path / "campaigns" / "campaigns.yaml").write_text("campaigns: [", encoding="utf-8")
    status, answer = ready(shop)
    assert (status, answer.splitlines()[0]) == (200, "ready")
    assert "the files on this machine differ from the applied version" in answer
    assert shop.site is not None
    assert list(shop.site.rules.rulebook.campaigns) == ["thanks"]
    assert shop.site._in_force is not None
    shop.site._in_force.close()


def test_a_pause_is_a_warning_and_no_fault(shop: Shop) -> None:
    assert shop.site is not None
    shop.site.surroundings_seconds = 0
    since = datetime(2026, 6, 10, 12, tzinfo=UTC)
    with write(shop.engine) as connection:
        pause(connection, Target(Scope.ALL), "anna", "a secret price", since)
    warning = "everything is paused since 2026-06-10 12:00 UTC: `regulars pauses` tells more"
    assert ready(shop) == (200, f"ready\nwarning: {warning}\n")
    with write(shop.engine) as connection:
        resume(connection, Target(Scope.ALL), "anna", since)
    assert ready(shop) == (200, "ready\n")


def test_a_database_that_is_not_upgraded_is_named(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with write(shop.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    reason = f"the database is at 0001, this version needs {upgrade.head()}: run `regulars db upgrade`"
    assert [ready(shop) for _ in range(3)] == [(503, f"not ready: {reason}\n")] * 3
    assert said(caplog) == [f"not ready: {reason}"]
    assert shop.get("/healthz").status == 200


def test_a_database_of_an_older_shape_is_named(postgres_server: str, tmp_path: Path) -> None:
    """On PostgreSQL, where a column that is missing is a fault of the program, not of the database."""
    with scratch_database(postgres_server) as address:
        engine = open_engine(address)
        upgrade_database(engine, secret=SECRET)
        write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
        with open_shop(engine, root=tmp_path) as shop:
            assert shop.site is not None
            shop.site.reload_seconds = 0
            assert ready(shop) == (200, "ready\n")
            with write(engine) as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = '0032'"))
                connection.execute(text("ALTER TABLE applied_versions DROP COLUMN shown"))
            status, answer = ready(shop)
            assert (status, "the database is at 0032" in answer) == (503, True)
        engine.dispose()


def test_an_empty_database_is_named(sqlite_engine: Engine) -> None:
    with open_shop(sqlite_engine) as shop:  # these tables were made without a migration
        assert ready(shop)[1].startswith("not ready: the database is empty, ")


def test_a_database_that_is_away_is_named_without_its_own_words(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop.engine.dispose()
    (tmp_path / "regulars.sqlite").rename(tmp_path / "elsewhere.sqlite")
    (tmp_path / "regulars.sqlite").mkdir()
    assert ready(shop) == (503, "not ready: the database does not answer\n")
    assert [line for line in said(caplog) if "unable to open database file" in line]


def test_a_file_that_is_no_database_is_told(shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shop.engine.dispose()
    for file in tmp_path.glob("regulars.sqlite*"):
        file.unlink()
    (tmp_path / "regulars.sqlite").write_bytes(b"not a database" * 999)
    assert ready(shop) == (503, "not ready: the database does not answer\n")
    assert [line for line in said(caplog) if "file is not a database" in line]


def _outage(at: datetime) -> LaneOutage:
    kinds = frozenset({"marketing"})
    return LaneOutage("default", kinds, "mail.example:25", "connection refused", NOW, None, at, at)


def test_a_mail_server_that_is_away_is_told_until_it_is_back(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    assert shop.site is not None
    shop.site.surroundings_seconds = 0
    for minute in range(3):
        with write(shop.engine) as connection:
            note_outage(connection, _outage(NOW + timedelta(minutes=minute)))
        status, answer = ready(shop)
        assert status == 503
        assert answer == (
            "not ready: lane default: nothing is sent since 2026-06-10 12:00 UTC, for its mail server is away:"
            " `regulars report` tells more\n"
        )
    (logged,) = said(caplog)
    assert "mail.example:25: connection refused" in logged
    assert shop.get("/healthz").status == 200
    with write(shop.engine) as connection:
        note_recovery(connection, "default", NOW)
    assert ready(shop) == (200, "ready\n")


def test_a_full_disk_is_told_by_the_age_of_the_last_probe_and_the_page_writes_nothing(shop: Shop) -> None:
    assert shop.site is not None
    shop.site.surroundings_seconds = 0
    check = WriteCheck(shop.engine)
    check.look()
    assert ready(shop) == (200, "ready\n")
    with write(shop.engine) as connection:
        connection.execute(text("UPDATE write_probes SET at = at - 45000000"))
    before = _content(shop)
    told = "the database cannot be written, or no worker runs: look for a full disk; the worker's log tells more"
    assert ready(shop) == (503, f"not ready: {told}\n")
    assert _content(shop) == before
    check.close()
    assert ready(shop) == (200, "ready\n")


def _content(shop: Shop) -> list[str]:
    """The whole database as SQL."""
    with closing(sqlite3.connect(str(shop.engine.url.database))) as connection:
        return list(connection.iterdump())


def test_a_faulty_rule_file_is_named_until_it_is_mended(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = shop.link("u", shop.promise(shop.customer(), "thanks"))
    (file,) = [found for found in (tmp_path / "campaigns").glob("*.yaml") if "thanks" in found.read_text("utf-8")]
    sound = file.read_text("utf-8")
    place = len(sound.splitlines()) + 1
    file.write_text(sound.rstrip("\n") + "\nsecret-words: 1\n", encoding="utf-8")
    status, answer = ready(shop)
    assert (status, ready(shop)) == (503, (503, answer))
    where = f"campaigns/{file.name}, line {place}"
    assert answer == f"not ready: the rules have 1 error, the first in {where}: `regulars check` tells more\n"
    assert len(said(caplog)) == 2, "once from who reads the rules, with the text of `check`, once from who was asked"
    assert "secret-words" in said(caplog)[0]
    assert f"{file.name}:{place}" in said(caplog)[0]
    assert shop.get(path).status == 200, "clients can leave all the same"
    file.write_text(sound, encoding="utf-8")
    assert ready(shop) == (200, "ready\n")
