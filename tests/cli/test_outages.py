"""A mail server that is away: `report` says so with what to do, `retry` tries at once and says what came of it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project
from tests.common.servers import free_port
from tests.common.smtp import Inbox

pytestmark = pytest.mark.slow

NEWS = {"at": "2026-06-01 10:00", "email": "news", "backfill": "all"}


def test_an_outage_is_told_until_retry_finds_the_server_back(clients: Project) -> None:
    clients.rule("news", **NEWS)
    port = free_port()
    url = f"smtp://127.0.0.1:{port}"
    failed = clients.run("tick", "--now", "2026-06-01T12:00", REGULARS_SMTP_URL=url)
    assert failed.exit_code == 3
    assert f"the mail server could not be reached (127.0.0.1:{port}: " in failed.output
    warning, idle = clients.data("report", "--now", "2026-06-01T12:00")["warnings"]
    assert idle.startswith("no worker runs, and emails wait")
    assert "nothing is sent since 20" in warning
    assert f"its mail server is away: 127.0.0.1:{port}: " in warning
    assert warning.endswith("`regulars retry` tries at once")
    assert clients.ok("report", "--now", "2026-06-01T12:00").startswith("warning: lane default: nothing is sent since")
    assert clients.run("retry", REGULARS_SMTP_URL=url).exit_code == 3
    with Inbox(port) as inbox:
        done = clients.run("retry", REGULARS_SMTP_URL=url)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("0 tried again now; ")
        assert inbox.messages == []  # it is too late for the news: the server was only asked
    assert clients.data("report", "--now", "2026-06-01T12:00")["warnings"] == []
