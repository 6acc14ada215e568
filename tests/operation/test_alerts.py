"""Alerts are told once when they begin and once when they are over, to programs and to the operator."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, select, update

from regulars.core import clock
from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import read, write
from regulars.db.tables import alerts
from regulars.ledger import alert_states
from regulars.ledger.switches import Pauses
from regulars.operation import alert_conditions, notifier
from regulars.operation.alert_conditions import AlertConditions
from regulars.rules.model import Kind
from tests.common.receiver import Receiver, receiving
from tests.common.servers import free_port
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.office import NEWS, Office

pytestmark = pytest.mark.slow
OPERATOR = {"REGULARS_ALERT_EMAIL": "anna@studio.example", "REGULARS_WEBHOOK_NETWORKS": "127.0.0.0/8"}
WANTED = ["alert.began", "alert.ended"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A program that is told."""
    with receiving() as found:
        yield found


def notify(office: Office) -> None:
    """A run that looks at everything, however short ago the last one did."""
    office.runtime._notifier._looked_at = float("-inf")
    office.runtime.notify()


def settle(engine: Engine) -> None:
    """Lets the time pass after which what is not there any more is over."""
    with write(engine) as connection:
        connection.execute(update(alerts).values(seen_at=clock.system() - alert_states.SETTLING - timedelta(minutes=1)))


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Type and condition of each message, plans apart: these offices plan for another day."""
    found = [(one["type"], one["data"]["alert"]) for one in receiver.messages]
    return [one for one in found if one[1] != "plan"]


def test_a_lane_that_is_away_is_told_by_webhook_at_once_and_by_email_when_it_is_back(
    engine: Engine, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    office = Office(engine, tmp_path / "workspace", f"smtp://127.0.0.1:{port}", **OPERATOR)
    write_workspace(office.root, {"news": NEWS})
    program = {"ops": {"url": receiver.url, "events": WANTED}}
    (office.root / "campaigns" / "notify.yaml").write_text(yaml.safe_dump({"notify": program}))
    office.clients("ada")
    try:
        office.tick()
        for _ in range(2):
            notify(office)
        assert told(receiver) == [("alert.began", "lane/default")]
        assert "did not go to every operator" in caplog.text
        office.close()  # another process, which tries the server at once
        with Inbox(port) as inbox:
            office.dispatch()
            notify(office)  # it may come and go
            assert told(receiver) == [("alert.began", "lane/default")]
            settle(engine)
            for _ in range(2):
                notify(office)
            assert told(receiver)[1:] == [("alert.ended", "lane/default")]
            emails = [one for one in inbox.messages if "anna@studio.example" in one.recipients]
            assert sum("Over since" in one.text and "lane default" in one.text for one in emails) == 1
            assert all(one.message["auto-submitted"] == "auto-generated" for one in emails)
    finally:
        office.close()


def test_no_storm_of_emails(engine: Engine) -> None:
    sent = 0
    for number in range(3 * alert_states.MOST_EMAILS):
        with write(engine) as connection:
            alert_states.reconcile(connection, {f"guard/{one}": "x" for one in range(number + 1)})
            chosen = alert_states.take_for_email(connection)
            assert alert_states.take_for_email(connection) == []
            alert_states.emailed(connection, chosen)
            sent += bool(chosen)
    assert sent == alert_states.MOST_EMAILS
    with write(engine) as connection:
        connection.execute(update(alerts).values(began_emailed_at=clock.system() - timedelta(hours=2)))
        connection.execute(update(alerts).where(alerts.c.key == "guard/29").values(began_emailed_at=None))
        [rest] = alert_states.take_for_email(connection)
        alert_states.not_emailed(connection, [rest])
        assert alert_states.take_for_email(connection) == [rest]
        alert_states.forget_alerts(connection)
        assert len(alert_states.present_alerts(connection)) == 3 * alert_states.MOST_EMAILS


def test_a_queue_that_does_not_fall_and_faulty_rules_are_alerts(sqlite_engine: Engine, tmp_path: Path) -> None:
    office = Office(sqlite_engine, tmp_path / "workspace", "smtp://127.0.0.1:1", **OPERATOR)
    write_workspace(office.root, {"news": {**NEWS, "late": "4000 days"}})
    office.clients("ada")
    office.plan()
    elapsed = [0.0]
    conditions = AlertConditions(sqlite_engine, clock.system, lambda: elapsed[0])
    assert "queue/marketing" not in conditions.look(None)
    elapsed[0] = alert_conditions.STUCK.total_seconds()
    found = conditions.look("rule files are faulty")
    assert "1 marketing emails could go" in found["queue/marketing"]
    assert found["rules"] == "rule files are faulty"
    assert "nothing was planned since 2026-06-10" in found["plan"]
    assert Pauses().open_kinds(list(Kind))
    office.close()


def test_a_database_that_cannot_be_written_is_told_by_email_once(
    sqlite_engine: Engine, tmp_path: Path, smtp_inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(sqlite_engine, tmp_path / "workspace", smtp_inbox.url, **OPERATOR)
    write_workspace(office.root, {"news": NEWS})
    office.plan()

    def fail(*_: object) -> None:
        raise EnvironmentFailed("the database failed: disk full") from sqlite3.OperationalError()

    monkeypatch.setattr(notifier, "reconcile", fail)
    for _ in range(2):
        notify(office)
    [email] = smtp_inbox.messages
    assert "disk full" in email.text
    with read(sqlite_engine) as connection:
        assert connection.execute(select(alerts)).all() == []
    office.close()
