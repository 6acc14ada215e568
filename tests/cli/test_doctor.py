"""`doctor`: a workspace that runs, and one where everything is wrong."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from regulars.delivery.inbox.server import Inbox
from tests.cli.conftest import Project

pytestmark = pytest.mark.slow
Verdicts = dict[str, tuple[str, str]]


def verdicts(project: Project, *options: str) -> Verdicts:
    findings = json.loads(project.run("doctor", *options, "--json").stdout)["findings"]
    assert isinstance(findings, list)
    return {one["check"]: (one["verdict"], f"{one['words']} {one['advice']}") for one in findings}


class _Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def pages() -> Iterator[str]:
    """Something that answers as the web process does."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Healthy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_what_runs_is_well(clients: Project, pages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_WEB_URL", pages)
    with Inbox(clients.root / "inbox", port=0) as inbox:
        monkeypatch.setenv("REGULARS_SMTP_URL", f"smtp://127.0.0.1:{inbox.port}")
        clients.ok("tick")
        found = verdicts(clients)
    for check in ("disk", "database", "rules", "broker", "mail, default", "scheduler", "queue", "addresses"):
        assert found[check][0] == "ok", (check, found[check])
    assert "clients cannot reach it" in found["web"][1]
    assert found["workers"][0] == "fault"  # `tick` has ended


def test_what_is_away_is_a_fault_with_what_to_do(clients: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_SMTP_URL", "smtp://127.0.0.1:9")
    monkeypatch.setenv("REGULARS_WEB_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("REGULARS_BROKER_URL", "amqp://guest:secret-word@127.0.0.1:9//")
    clients.file("campaigns/broken.yaml", "campaigns: [")
    (clients.root / "var" / "regulars.sqlite").chmod(0o644)
    found = verdicts(clients)
    for check in ("mail, default", "web", "broker", "rules", "files", "scheduler", "workers"):
        assert found[check][0] == "fault", (check, found[check])
    assert "secret-word" not in str(found)
    said = clients.run("doctor")
    assert said.exit_code == 3
    assert "start `regulars web`" in " ".join(said.output.split())


def test_a_database_of_another_release_is_looked_at_and_left(clients: Project) -> None:
    (clients.root / "var" / "regulars.sqlite").write_bytes(b"")
    assert verdicts(clients)["database"][0] == "fault"
    with closing(sqlite3.connect(clients.root / "var" / "regulars.sqlite")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
