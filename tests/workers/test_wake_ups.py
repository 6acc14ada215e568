"""Wake-ups are never too old: a worker whose clock is ahead takes them, and many at once cost one plan."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from celery.beat import Scheduler
from sqlalchemy import Engine

from regulars.core import clock, settings
from regulars.db.locks import Busy
from regulars.operation.runtime import Runtime
from tests.common.workspace import write_workspace

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
"""Kombu's own; the processes do not show it."""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the modules of the workers look when they are imported."""
    monkeypatch.setenv("REGULARS_WORKSPACE", str(tmp_path))
    return write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})


def test_no_wake_up_of_the_scheduler_expires(workspace: Path) -> None:
    from regulars.workers.app import configure

    app = Celery("test", set_as_current=False)
    configure(app, settings.load(workspace, {}))
    scheduler = Scheduler(app)
    for entry in list(scheduler.schedule.values()):
        if str(entry.task).startswith("regulars."):
            scheduler.apply_entry(entry)
    expiries = {}
    with app.connection_for_read() as connection:
        for name in ("plan", "dispatch", "ingest"):
            with connection.SimpleQueue(name) as queue:
                message = queue.get(block=False)
                expiries[message.headers["task"]] = message.headers["expires"]
    assert expiries == {"regulars.plan": None, "regulars.dispatch": None, "regulars.learn": None}


@pytest.fixture
def runtime(workspace: Path, sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """The machine of this process, which the tasks use."""
    from regulars.workers import process

    found = Runtime(settings.load(workspace, {}), sqlite_engine, clock.system)
    monkeypatch.setattr(process, "_runtime", found)
    yield found
    found.close()


@pytest.mark.usefixtures("runtime")
def test_wake_ups_that_have_gathered_are_answered_by_one_plan(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regulars.workers import process, tasks

    monkeypatch.setattr(process, "_planned_at", float("-inf"))
    caplog.set_level(logging.INFO, "regulars.workers")
    for _ in range(50):
        tasks.plan()
    assert len(caplog.records) == 1
    tasks.plan("2026-06-10T12:00:00+00:00")  # a time that was asked for is planned in any case
    assert len(caplog.records) == 2
    monkeypatch.setattr(process, "_planned_at", process._planned_at - 60)
    tasks.plan()  # the next of beat's
    assert len(caplog.records) == 3


def test_a_plan_that_waits_for_another_machine_is_told_and_ends(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regulars.workers import process, tasks

    def busy(_: object) -> None:
        raise Busy("another process has been planning for 9 s, from 10.0.0.7")

    monkeypatch.setattr(process, "_planned_at", float("-inf"))
    monkeypatch.setattr(runtime, "plan", busy)
    tasks.plan()
    (line,) = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert line == (
        "nothing planned: another process has been planning for 9 s, from 10.0.0.7; dispatch goes on, and the next"
        " wake-up tries again"
    )
