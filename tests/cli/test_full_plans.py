"""`tick --full` asks everybody, and what it finds is told until the next time; `check -v` says what is asked daily."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from regulars.db.engine import open_engine, write
from tests.cli.conftest import Project
from tests.common.smtp import Inbox

pytestmark = pytest.mark.slow


def test_whom_plans_have_missed_is_found_and_told(clients: Project, smtp_inbox: Inbox) -> None:
    clients.rule("cities", when="customer.country == 'EE'", email="cities", kind="transactional")
    mail = {"REGULARS_SMTP_URL": smtp_inbox.url}
    clients.ok("tick", "--now", "2026-06-01T12:00", **mail)
    engine = open_engine(f"sqlite:///{clients.root}/var/regulars.sqlite")
    with write(engine) as connection:
        connection.execute(text("UPDATE customers SET country = 'EE' WHERE external_id = 'c-2'"))
        connection.execute(text("DELETE FROM touched_clients"))  # as if the trigger were not there
    assert clients.ok("tick", "--now", "2026-06-01T12:01", **mail).startswith("0 new promises")
    assert clients.data("report", "--now", "2026-06-01T12:01")["warnings"] == []
    clients.ok("tick", "--full", "--now", "2026-06-01T12:02", **mail)
    assert [str(one.message["Subject"]) for one in smtp_inbox.messages][-1].startswith("cities")
    (warning,) = clients.data("report", "--now", "2026-06-01T12:02")["warnings"]
    assert warning.startswith(
        "1 client was found by the full plan of 2026-06-01 12:02 UTC that the plans before it had"
    )
    clients.ok("tick", "--full", "--now", "2026-06-01T12:03", **mail)
    assert clients.data("report", "--now", "2026-06-01T12:03")["warnings"] == []
    engine.dispose()


def test_check_names_what_is_asked_daily(clients: Project) -> None:
    clients.rule("quiet", when="customer.p_alive < 0.5 and customer.purchases > 1", email="quiet")
    assert "asked of everybody" not in clients.ok("check")
    assert "quiet, `when`: `customer.p_alive` is asked of everybody once a day\n" in clients.ok("check", "-v")
    found = clients.data("check", "-v")
    assert found["asked_daily"] == [{"campaign": "quiet", "key": "when", "part": "customer.p_alive"}]
