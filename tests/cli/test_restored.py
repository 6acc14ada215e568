"""`restored`: what waits after a restore is told everywhere until somebody lets it go."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Project
from tests.common.smtp import Inbox

pytestmark = pytest.mark.slow

LOST = ("--at", "2026-05-31T03:00", "--now", "2026-06-01T18:00")
NOW = ("--now", "2026-06-01T18:30")


def test_what_waits_is_told_until_it_is_released(clients: Project, smtp_inbox: Inbox) -> None:
    clients.rule("news", at="2026-06-01 10:00", email="news", backfill="all")
    assert clients.ok("restored") == "nothing waits after a restore\n"
    log = clients.file("mail.log", "<x@elsewhere.example> ada@clients.example\n")
    first = " ".join(clients.ok("restored", *LOST, "--log", str(log), "--why", "a fire", REGULARS_WHO="anna").split())
    assert "mail.log: 1 messages of the lost time; 0 emails are settled as sent" in first
    assert "a backup of 2026-05-31 03:00 UTC was restored by anna:" in first
    assert "`regulars suppress` whoever unsubscribed in that time" in first
    waiting = clients.data("restored")["waiting"]
    assert waiting["news"] == {"held": 3, "perhaps_sent": 0}
    (warning,) = clients.data("report", *NOW)["warnings"]
    assert warning.startswith("a backup of 2026-05-31 03:00 UTC was restored by anna: ")
    (view,) = clients.data("explain", "c-1", "news", *NOW)["campaigns"]
    assert view["sentence"] == (
        "`news` waits: a backup was restored, and the lost database may have sent it;"
        " `regulars restored --release` lets it go on."
    )
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert smtp_inbox.messages == []
    released = clients.ok("restored", "--release", *NOW)
    assert "emails go on at the next plan" in released
    clients.ok("tick", *NOW, REGULARS_SMTP_URL=smtp_inbox.url)
    assert sum(str(one.message["Subject"]).startswith("news") for one in smtp_inbox.messages) == 2
    assert [line["action"] for line in clients.data("log")["lines"]][:2] == ["restored", "restored"]


def test_a_log_may_come_by_a_pipe_and_all_needs_release(clients: Project) -> None:
    assert "--all goes with --release" in clients.run("restored", "--all").output
    clients.ok("restored", *LOST)
    log = clients.file("mail.log", "nothing of ours\n")
    found = json.loads(clients.ok("restored", "--log", str(log), "--release", "--all", *NOW, "--json"))
    assert found["logs"] == [{"log": "mail.log", "messages": 0, "sent": 0, "perhaps_sent": 0}]
    assert found["restorations"] == []
    assert found["released"] >= 1
