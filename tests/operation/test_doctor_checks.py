"""Single checks of `doctor`: secrets, disk, workers, and a key for DKIM in the settings."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from regulars.core import clock
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import DkimSettings, Settings, load
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import suppressions
from regulars.ledger.worker_activity import ended, record_activity, workers
from regulars.operation.database_upgrade import upgrade_database
from regulars.operation.doctor import Verdict, examine
from tests.common.people import SECRET, add_customer

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - the shape of shutil's
NOWHERE = {"REGULARS_SMTP_URL": "smtp://127.0.0.1:9", "REGULARS_WEB_URL": "http://127.0.0.1:9"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = open_engine(f"sqlite:///{tmp_path / 'regulars.sqlite'}")
    upgrade_database(found, secret=SECRET)
    yield found
    found.dispose()


def settings(root: Path, **more: str) -> Settings:
    return load(root, {**NOWHERE, "REGULARS_SECRET": "s" * 32, "REGULARS_ADDRESS_SECRET": SECRET.decode(), **more})


def found(given: Settings, engine: Engine) -> dict[str, tuple[Verdict, str]]:
    return {one.check: (one.verdict, one.words) for one in examine(given, engine, clock.system)}


def test_short_secrets_are_named(engine: Engine, tmp_path: Path) -> None:
    verdict, words = found(settings(tmp_path, REGULARS_SECRET="short"), engine)["secrets"]
    assert (verdict, "REGULARS_SECRET" in words) == (Verdict.WARNING, True)


@pytest.mark.parametrize(("free", "verdict"), [(10**6, Verdict.FAULT), (10**9, Verdict.WARNING), (10**11, Verdict.OK)])
def test_a_disk_is_full_before_it_is(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))
    assert found(settings(tmp_path), engine)["disk"][0] is verdict


def test_workers_and_their_releases(engine: Engine, tmp_path: Path) -> None:
    with write(engine) as connection:
        record_activity(connection, "host:1", "0.0.1", {})
    verdict, words = found(settings(tmp_path), engine)["workers"]
    assert (verdict, "0.0.1" in words) == (Verdict.WARNING, True)
    with write(engine) as connection:
        ended(connection, "host:1")
    assert found(settings(tmp_path), engine)["workers"] == (Verdict.FAULT, "none runs")
    with read(engine) as connection:
        assert workers(connection) == []


def test_many_suppressed_addresses_are_told(engine: Engine, tmp_path: Path) -> None:
    with write(engine) as connection:
        add_customer(connection, "ada")
        connection.execute(
            insert(suppressions).values(email_hash="h", scope="all", reason="bounced", at=clock.system())
        )
    assert found(settings(tmp_path), engine)["addresses"][0] is Verdict.WARNING


def test_a_mail_server_that_no_transport_has(engine: Engine, tmp_path: Path) -> None:
    verdict, words = found(settings(tmp_path, REGULARS_SMTP_URL="gopher://x"), engine)["mail server"]
    assert (verdict, "gopher" in words) == (Verdict.FAULT, True)


def test_a_database_with_another_secret(engine: Engine, tmp_path: Path) -> None:
    with write(engine) as connection:
        add_customer(connection, "ada", email="ada@client.example")
    checks = found(settings(tmp_path, REGULARS_ADDRESS_SECRET="o" * 32), engine)
    assert checks["database"][0] is Verdict.FAULT
    assert "workers" not in checks


def test_the_settings_of_dkim_belong_together(tmp_path: Path) -> None:
    key = {"REGULARS_DKIM_KEY": "var/dkim.pem", "REGULARS_DKIM_DOMAIN": "Studio.example"}
    assert load(tmp_path, {}).dkim is None
    assert load(tmp_path, key).dkim == DkimSettings(tmp_path / "var/dkim.pem", "studio.example", "regulars")
    for wrong, words in (
        ({"REGULARS_DKIM_KEY": ""}, "REGULARS_DKIM_KEY is missing"),
        ({"REGULARS_DKIM_DOMAIN": " "}, "REGULARS_DKIM_DOMAIN is missing"),
        ({"REGULARS_DKIM_DOMAIN": "studio example"}, "such as studio.example"),
        ({"REGULARS_DKIM_SELECTOR": "a;b"}, "REGULARS_DKIM_SELECTOR is `a;b`"),
    ):
        with pytest.raises(EnvironmentFailed, match=words):
            load(tmp_path, {**key, **wrong})
