"""A worker probes whether the database can be written; everybody else reads, and sees that the last success is old."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, text

from regulars.core import clock
from regulars.db import tables
from regulars.db.engine import open_engine, read, write
from regulars.operation.surroundings import no_worker, troubles
from regulars.operation.write_check import PROBE_EVERY, TOO_OLD, WriteCheck, unwritten_for
from tests.common.people import add_customer
from tests.db.test_write_probe import full_disk


def _make_older(engine: Engine, by: timedelta) -> None:
    with write(engine) as connection:
        connection.execute(text("UPDATE write_probes SET at = at - :by"), {"by": int(by.total_seconds() * 1e6)})


def _unwritten(engine: Engine) -> timedelta | None:
    with read(engine) as connection:
        return unwritten_for(engine, connection)


def _words(engine: Engine) -> list[str]:
    return [one.full for one in troubles(engine, clock.system)]


def test_an_old_probe_is_a_fault_for_everybody_until_a_worker_writes_again(engine: Engine) -> None:
    passed = 0.0
    check = WriteCheck(engine, lambda: passed)
    assert _words(engine) == [], "nobody ever probed"
    check.look()
    assert _words(engine) == []
    _make_older(engine, TOO_OLD)
    (words,) = _words(engine)
    assert words.startswith("the database cannot be written, or nobody tries: the last worker that could did so 4")
    passed = PROBE_EVERY
    check.look()
    assert _words(engine) == []
    _make_older(engine, TOO_OLD)
    check.close()
    assert _words(engine) == [], "a worker that ended as it should leaves no alarm"


def test_who_reads_changes_nothing(engine: Engine) -> None:
    WriteCheck(engine).look()
    _make_older(engine, TOO_OLD)
    with read(engine) as connection:
        before = connection.scalar(text("SELECT at FROM write_probes"))
    assert _words(engine)
    with read(engine) as connection:
        assert connection.scalar(text("SELECT at FROM write_probes")) == before


def test_a_worker_says_so_once_a_minute_and_when_it_is_over(
    sqlite_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    passed = 0.0
    check = WriteCheck(sqlite_engine, lambda: passed)
    check.look()
    with full_disk():
        for now in (5.0, 10.0, 20.0, 60.0, 71.0):
            passed = now
            check.look()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, "at 10 and at 71 s"
    assert all(one.startswith("the database cannot be written: d") for one in told)
    passed = 90.0
    check.look()
    assert caplog.records[-1].getMessage() == "the database can be written again, after 80 s"
    assert caplog.records[-1].levelno == logging.WARNING
    assert _unwritten(sqlite_engine) is None


def test_a_long_transaction_of_another_process_is_no_fault(engine: Engine) -> None:
    WriteCheck(engine).look()
    _make_older(engine, TOO_OLD)
    assert _unwritten(engine)
    other = open_engine(engine.url.render_as_string(hide_password=False))
    begun, end = threading.Event(), threading.Event()

    def write_for_long() -> None:
        with write(other) as connection:
            add_customer(connection, "bo")
            begun.set()
            end.wait(20)

    thread = threading.Thread(target=write_for_long)
    thread.start()
    try:
        assert begun.wait(20)
        assert _unwritten(engine) is None
    finally:
        end.set()
        thread.join(20)
        other.dispose()
    assert _unwritten(engine)


def test_emails_that_wait_for_a_worker_are_told_where_none_runs(engine: Engine) -> None:
    now = clock.system()
    assert no_worker(engine, now) == []
    with write(engine) as connection:
        due = now - timedelta(minutes=1)
        row = {
            "campaign": "win-back", "step": "win-back", "customer_id": add_customer(connection, "ada"),
            "occurrence": "1", "state": "planned", "kind": "marketing", "rule": "r", "due_at": due,
            "expires_at": now + timedelta(days=1), "next_at": due, "created_at": due,
        }  # fmt: skip
        connection.execute(insert(tables.promises).values(row))
    (told,) = no_worker(engine, now)
    assert told.full.startswith("no worker runs, and emails wait: ")
    WriteCheck(engine).look()
    assert no_worker(engine, now) == []
