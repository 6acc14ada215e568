"""A database that fails costs a task a line in the log, not a traceback; the end is told too."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.core import clock, settings
from regulars.core.errors import EnvironmentFailed
from regulars.operation.runtime import Runtime
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
"""Kombu's own; the processes do not show it."""


def test_a_failure_is_told_each_time_and_its_end_once(
    tmp_path: Path,
    sqlite_engine: Engine,
    smtp_inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("REGULARS_WORKSPACE", str(tmp_path))
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    from regulars.workers import process, tasks

    runtime = Runtime(settings.load(tmp_path, {"REGULARS_SMTP_URL": smtp_inbox.url}), sqlite_engine, clock.system)
    monkeypatch.setattr(process, "_runtime", runtime)
    monkeypatch.setattr(process, "_planned_at", float("-inf"))
    monkeypatch.setattr(tasks, "_failing_since", {})
    caplog.set_level(logging.WARNING, "regulars.workers")

    def full(_: object) -> None:
        raise EnvironmentFailed("the database failed: database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(runtime, "plan", full)
        for _ in range(2):
            tasks.plan()
            tasks.dispatch()  # it has nothing to write, and works
    tasks.plan()
    tasks.plan("2026-06-10T12:00:00+00:00")
    told = [record.getMessage() for record in caplog.records]
    failed = "nothing planned: the database failed: database or disk is full; the next wake-up tries again"
    assert told[:2] == [failed, failed]
    assert [words.partition(",")[0] for words in told[2:]] == ["plan works again"]
    runtime.close()
