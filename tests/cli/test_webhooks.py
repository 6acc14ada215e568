"""`regulars webhooks`: what each program has, a test message, another try, its secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from regulars.core import webhook_signing
from tests.cli.conftest import Project
from tests.common.receiver import receiving
from tests.common.smtp import Inbox

pytestmark = pytest.mark.slow
NEWS: dict[str, Any] = {"at": "2026-06-01 10:00", "email": "news", "backfill": "all"}
HERE = {"REGULARS_WEBHOOK_NETWORKS": "127.0.0.0/8", "REGULARS_SECRET": "of the links", "COLUMNS": "80"}


def data(project: Project, *arguments: str) -> dict[str, Any]:
    """What it prints as JSON in this environment."""
    found = json.loads(project.ok(*arguments, "--json", **HERE))
    assert isinstance(found, dict)
    return found


def test_a_program_is_listed_tried_and_enabled_again(clients: Project, smtp_inbox: Inbox) -> None:
    assert "no program is told of anything" in clients.ok("webhooks")
    clients.rule("news", **NEWS)
    with receiving() as receiver:
        notify = {"notify": {"crm": {"url": receiver.url, "events": ["email.sent"]}}}
        (clients.root / "campaigns" / "notify.yaml").write_text(yaml.safe_dump(notify))
        assert data(clients, "webhooks")["webhooks"][0]["state"] == "new"
        clients.ok("tick", "--now", "2026-06-01T09:00", REGULARS_SMTP_URL=smtp_inbox.url, **HERE)
        clients.ok("tick", "--now", "2026-06-01T12:00", REGULARS_SMTP_URL=smtp_inbox.url, **HERE)
        assert "crm took the message (204)" in clients.ok("webhooks", "test", "crm", **HERE)
        assert data(clients, "webhooks", "test", "crm")["status"] == 204
        receiver.status = 410
        clients.ok("tick", REGULARS_SMTP_URL=smtp_inbox.url, **HERE)
        [one] = data(clients, "webhooks")["webhooks"]
        waiting = one["waiting"]  # the letter to two clients, and what else was due
        assert (one["state"], one["delivered"], waiting >= 2) == ("disabled", 0, True)
        shown = clients.ok("webhooks", **HERE)
        assert "`regulars webhooks retry crm`" in " ".join(shown.split())
        assert max(map(len, shown.splitlines())) <= 80
        assert any("webhook crm is disabled" in one for one in data(clients, "report")["warnings"])
        receiver.status = 204
        assert data(clients, "webhooks", "retry", "crm")["tried_again"] == waiting
        clients.ok("tick", REGULARS_SMTP_URL=smtp_inbox.url, **HERE)
        assert len(receiver.data("email.sent")) == waiting
        assert {one["campaign"] for one in receiver.data("email.sent")} >= {"news"}
        secret = clients.ok("webhooks", "secret", "crm", **HERE).strip()
        assert secret == webhook_signing.outbound_secret("crm", b"of the links")
        for headers, body in receiver.got:
            assert headers["webhook-signature"].startswith("v1,")
            assert json.loads(body)["data"]
