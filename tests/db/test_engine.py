"""Opening the database: its URL, who may read its files, and connections that the server has closed meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from regulars.core import settings
from regulars.core.errors import EnvironmentFailed
from regulars.db import engine as db
from regulars.db.upgrade import current, migrate
from regulars.delivery.inbox.server import Inbox


def _cut_off(engine: Engine) -> None:
    """Ends every other connection to the database."""
    other = create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()


def _answers(engine: Engine) -> bool:
    with db.write(engine) as connection:
        return bool(connection.scalar(text("SELECT 1")) == 1)


def test_a_connection_that_lay_unused_is_replaced(postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "UNUSED", -1.0)
    assert _answers(postgres_engine)
    _cut_off(postgres_engine)
    assert _answers(postgres_engine)


def test_one_that_was_just_in_use_fails_by_name_and_is_then_replaced(
    postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "UNUSED", 3600.0)
    assert _answers(postgres_engine)
    _cut_off(postgres_engine)
    with pytest.raises(EnvironmentFailed, match="the database failed"):
        _answers(postgres_engine)
    assert _answers(postgres_engine)


@pytest.mark.parametrize("url", ["postgres://u:p@127.0.0.1/db", "postgresql://u:p@127.0.0.1/db"])
def test_the_short_names_of_postgresql(url: str) -> None:
    engine = db.open_engine(url)
    assert (engine.url.drivername, engine.url.host, engine.url.database) == ("postgresql+psycopg", "127.0.0.1", "db")


@pytest.mark.parametrize("url", ["postgresql://ann:word@db:54x2/regulars", "postgres://ann:wo:54x2@rd@db:/regulars:x"])
def test_a_port_that_is_no_number_is_named_and_no_password_repeated(url: str) -> None:
    with pytest.raises(EnvironmentFailed, match="REGULARS_DATABASE_URL") as caught:
        db.open_engine(url)
    assert "54x2" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "regulars.sqlite", "mysql://127.0.0.1/db", "http://127.0.0.1/db"])
def test_what_is_no_database_url(url: str) -> None:
    with pytest.raises(EnvironmentFailed, match=r"REGULARS_DATABASE_URL|no database driver"):
        db.open_engine(url)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """What a login shell has: files for everybody to read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    engine = db.open_engine(f"sqlite:///{folder / 'regulars.sqlite'}")
    migrate(engine)
    with db.write(engine) as connection:
        connection.execute(text("DELETE FROM customers"))
        files = {path.name: stat.filemode(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
    engine.dispose()
    private = {f"regulars.sqlite{ending}": "-rw-------" for ending in ("", "-wal", "-shm")}
    assert files == {"var": "drwx------", **private}


@pytest.mark.usefixtures("usual_umask")
def test_the_folder_of_a_workspace_is_for_its_owner_alone(tmp_path: Path) -> None:
    settings.load(tmp_path, {})
    assert stat.filemode((tmp_path / "var").stat().st_mode) == "drwx------"


@pytest.mark.usefixtures("usual_umask")
def test_an_inbox_that_comes_first_leaves_the_folder_of_the_database_closed(tmp_path: Path) -> None:
    with Inbox(tmp_path / "var" / "inbox"):
        pass
    assert [stat.filemode(path.stat().st_mode) for path in (tmp_path / "var", tmp_path / "var" / "inbox")] == [
        "drwx------"
    ] * 2


def test_a_file_that_is_no_database_is_an_error_in_words(tmp_path: Path) -> None:
    file = tmp_path / "regulars.sqlite"
    file.write_bytes(b"this is no database, but a text of some length" * 99)
    engine = db.open_engine(f"sqlite:///{file}")
    for step in (current, migrate):
        with pytest.raises(EnvironmentFailed, match="the database failed: file is not a database"):
            step(engine)
    engine.dispose()


def test_a_fault_of_the_program_is_none_of_the_surroundings(engine: Engine) -> None:
    row = text("INSERT INTO write_probes (id, at) VALUES (1, 1)")
    with db.write(engine) as connection:
        connection.execute(row)
        with pytest.raises(IntegrityError):
            connection.execute(row)


def test_an_unknown_option_of_postgresql_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"has the option `sslmod`.*did you mean `sslmode`") as caught:
        db.open_engine("postgresql://ann:hush@db/regulars?sslmod=secret")
    assert "secret" not in str(caught.value)
    db.open_engine("postgresql://ann@db/regulars?sslmode=require&connect_timeout=3").dispose()


def test_the_mode_that_an_owner_chose_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "regulars.sqlite"
    file.touch()
    file.chmod(0o640)
    engine = db.open_engine(f"sqlite:///{file}")
    assert _answers(engine)
    engine.dispose()
    assert stat.filemode(file.stat().st_mode) == "-rw-r-----"


SESSION = {
    "jit": "off", "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000", "idle_in_transaction_session_timeout": "10min",
}  # fmt: skip


@pytest.mark.parametrize(
    ("query", "changed"),
    [({}, {}), ({"options": "-c jit=on -c tcp_keepalives_idle=77", "keepalives_idle": "9"}, {
        "jit": "on", "tcp_keepalives_idle": "77",
    })],
)  # fmt: skip
def test_a_machine_that_is_cut_off_is_given_up_unless_the_url_says_otherwise(
    postgres_engine: Engine, query: dict[str, str], changed: dict[str, str]
) -> None:
    url = postgres_engine.url.update_query_dict(query)
    engine = db.open_engine(url.render_as_string(hide_password=False))
    with db.read(engine) as connection:
        found = {name: connection.scalar(text(f"SHOW {name}")) for name in SESSION}
        assert connection.connection.dbapi_connection is not None
        given = connection.connection.dbapi_connection.info.get_parameters()
    engine.dispose()
    over_tcp = found["tcp_keepalives_idle"] != "0"  # a socket of this machine has none
    expected = {**SESSION, **changed}
    assert {name: found[name] for name in expected if over_tcp or "tcp" not in name} == {
        name: value for name, value in expected.items() if over_tcp or "tcp" not in name
    }
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == (query.get("keepalives_idle", "10"), "20000")
