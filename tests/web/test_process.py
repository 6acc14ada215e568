"""`regulars web` as a process, as an operator starts it."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from regulars.core import clock
from regulars.operation import applied_versions
from regulars.web.site import Site
from regulars.workspace.folder import open_workspace
from tests.common.servers import free_port, wait_for
from tests.common.workspace import write_workspace


def answers(port: int, path: str) -> tuple[int, str] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except OSError:
        return None
    finally:
        connection.close()


@pytest.mark.slow
def test_it_serves_until_it_is_stopped_and_logs_no_link(tmp_path: Path) -> None:
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    port = free_port()
    command = [
        sys.executable, "-c", "from regulars.cli import main; main()",
        "--workspace", str(tmp_path), "web", "--port", str(port),
    ]  # fmt: skip
    environment = {**os.environ, "REGULARS_WEB_URL": "http://localhost:9/mail"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_for(lambda: answers(port, "/healthz") is not None, "the server answers", 60)
        assert answers(port, "/readyz") == (200, "ready\n")
        found = answers(port, "/mail/u/a-secret-token")
        assert found is not None
        assert found[0] == 404
    finally:
        process.terminate()
        code = process.wait(30)
    assert code in (0, -15)
    said = log.read_text("utf-8")
    assert "a-secret-token" not in said
    assert f"set REGULARS_WEB_URL=http://localhost:{port}/mail" in said


def test_pages_go_on_after_a_restart_while_rules_are_faulty(sqlite_engine: Engine, tmp_path: Path) -> None:
    write_workspace(tmp_path, {"thanks": {"on": "purchase", "email": "thanks"}})
    applied_versions.adopt(sqlite_engine, open_workspace(tmp_path), clock.system())
    write_workspace(tmp_path, {"thanks": {"no": "purchase", "email": "thanks"}})
    site = Site(sqlite_engine, tmp_path, "http://127.0.0.1", b"secret", clock.system)
    assert list(site.rules.rulebook.campaigns) == ["thanks"]
    assert site.faults is not None
    assert site._in_force is not None
    site._in_force.close()
