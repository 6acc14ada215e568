"""A worker reads the mailbox that emails come back to, and a password in its URL is never in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from regulars.core import clock, settings
from regulars.db.engine import read
from regulars.db.tables import notifications
from regulars.operation.runtime import Runtime
from tests.common.workspace import write_workspace
from tests.feedback.delivery_report import dsn

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
"""Kombu's own; the processes do not show it."""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the modules of the workers look when they are imported."""
    monkeypatch.setenv("REGULARS_WORKSPACE", str(tmp_path / "shop"))
    return write_workspace(tmp_path / "shop", {"thanks": {"on": "purchase", "email": "thanks"}})


@pytest.fixture
def runtime(
    workspace: Path, tmp_path: Path, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runtime]:
    """The machine of this process, whose mailbox is a Maildir."""
    from regulars.workers import process

    found = Runtime(
        settings.load(workspace, {"REGULARS_BOUNCES": f"maildir://{tmp_path}/mail"}), sqlite_engine, clock.system
    )
    monkeypatch.setattr(process, "_runtime", found)
    yield found
    found.close()


def test_the_mailbox_is_read_only_where_one_is_set(workspace: Path) -> None:
    from regulars.workers.app import schedule

    assert "bounces" not in schedule()
    assert schedule(bounces=True)["bounces"]["task"] == "regulars.bounces"
    assert settings.load(workspace, {"REGULARS_BOUNCES": ""}).bounces is None


def test_a_task_reads_all_there_is_in_parts(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from regulars.workers import tasks

    (tmp_path / "mail/new").mkdir(parents=True)
    for number in range(5):
        (tmp_path / f"mail/new/{number}.x").write_bytes(dsn("bounces@studio.example", "ada@client.example", number))
    monkeypatch.setattr(tasks, "MOST_MESSAGES", 2)
    monkeypatch.setattr(tasks.bounces, "delay", tasks.bounces)  # without a broker: at once
    caplog.set_level(logging.INFO, "regulars.workers")
    tasks.bounces()
    with read(runtime.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(notifications)) == 5
    told = [record.getMessage() for record in caplog.records]
    assert told[-1] == "read 1 messages that came back: 1 hard-bounce"


def test_a_mailbox_that_cannot_be_read_is_told_without_its_password(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from regulars.workers import process, tasks

    monkeypatch.setattr(tasks, "_failing_since", {})
    tasks.bounces()
    named = settings.load(runtime.settings.workspace, {"REGULARS_BOUNCES": "imap://robot:s3cret@127.0.0.1:1/INBOX"})
    monkeypatch.setattr(process.current(), "settings", named)
    tasks.bounces()
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "is no Maildir" in told[0]
    assert "robot@127.0.0.1:1/INBOX cannot be read" in told[1]
    assert "s3cret" not in caplog.text + repr(named)
