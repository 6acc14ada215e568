"""The processes of compose.yaml, started from that file without containers: ready, at work, and ended by SIGTERM."""

from __future__ import annotations

import os
import signal
import smtplib
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from regulars.db.engine import write
from regulars.profile import facts
from tests.common import deployment
from tests.common.people import add_customer, add_purchase
from tests.common.recorder import Recorder
from tests.common.servers import free_port, wait_for
from tests.common.site import Site
from tests.common.workspace import write_workspace
from tests.system.conftest import OpenSite

pytestmark = pytest.mark.slow

PROGRAMS = {
    "regulars": [sys.executable, "-c", "from regulars.cli import main; main(prog_name='regulars')"],
    "python": [sys.executable],
}
RULES = {"thanks": {"when": "customer.purchases >= 1", "backfill": "all", "email": "thanks"}}
COMPANY = {"bounces": "bounces@studio.example"}


class Containers:
    """The services of the file as processes; the places of the containers are replaced by those of a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.services = deployment.ours()
        self.ports = {"8000": str(free_port()), "2526": str(free_port())}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, words: list[str]) -> list[str]:
        """The words, with free ports of this machine."""
        found = " \0".join(words)
        for inside, here in self.ports.items():
            found = found.replace(inside, here)
        program, *rest = found.split(" \0")
        return [*PROGRAMS[program], *rest]

    def environment(self, told: Mapping[str, str | None]) -> dict[str, str]:
        """What the file tells a service, and nothing else of ours; a variable without a value is passed on."""
        shell = {
            "POSTGRES_PASSWORD": "secret",
            "REGULARS_SMTP_URL": self.site.smtp_url,
            "REGULARS_WEB_URL": "https://studio.example",
            "REGULARS_SECRET": self.site.environment["REGULARS_SECRET"],
            "REGULARS_BOUNCES": f"maildir://{self.site.root}/var/bounces",
        }
        given = {
            name: shell.get(name) if text is None else deployment.filled(text, shell) for name, text in told.items()
        }
        assert given["REGULARS_DATABASE_URL"] == "postgresql://regulars:secret@postgres/regulars"
        assert given["REGULARS_BROKER_URL"] == "redis://redis:6379/0"
        given |= {
            "REGULARS_DATABASE_URL": self.site.database_url,
            "REGULARS_BROKER_URL": self.site.broker_url,
            "REGULARS_WORKSPACE": str(self.site.root),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
        return inherited | {name: value for name, value in given.items() if value is not None}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Starts one service in a process group of its own."""
        service = self.services[name]
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(service["command"]), env=self.environment(service["environment"]), cwd=self.site.root,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self.running[name]

    def log(self, name: str) -> Path:
        """What the service writes."""
        return self.site.root.parent / f"{name}.log"

    def stop(self, name: str) -> int:
        """SIGTERM to the process alone, as an engine sends it; its exit code within the file's time of grace."""
        self.running[name].terminate()
        return self.running[name].wait(120)

    def end(self) -> None:
        """Kills what still runs."""
        for process in self.running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def get(self, path: str) -> tuple[int, str]:
        """(status, text) of a page; (0, reason) where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['8000']}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)


@contextmanager
def _containers(site: Site) -> Iterator[Containers]:
    found = Containers(site)
    try:
        yield found
    finally:
        found.end()


def _add_clients(site: Site) -> None:
    with write(site.engine) as connection:
        for name in ("ada", "bo"):
            add_purchase(connection, add_customer(connection, name), datetime(2026, 1, 1, tzinfo=UTC))
        facts.refresh(connection)


def _files(root: Path) -> dict[str, Any]:
    """Every file but the measurements of `make cov`, which each process writes into its folder."""
    found = (path for path in root.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path): path.stat().st_mtime_ns for path in found}


def test_the_services_become_ready_send_and_end_by_sigterm(
    open_site: OpenSite, recorder: Recorder, tmp_path: Path
) -> None:
    site = open_site("redis", recorder.url)
    write_workspace(site.root, RULES, company=COMPANY)
    state = tmp_path / "state"
    state.mkdir()
    (site.root / "var").symlink_to(state)  # as the units have it; a volume in compose.yaml
    (state / "bounces" / "new").mkdir(parents=True)
    (state / "bounces" / "cur").mkdir()
    (state / "bounces" / "tmp").mkdir()
    before = _files(site.root)
    with _containers(site) as containers:
        assert containers.start("upgrade").wait(60) == 0, containers.log("upgrade").read_text()
        _add_clients(site)
        names = [name for name in containers.services if name != "upgrade"]
        assert {"worker", "beat", "web", "inbound"} == set(names)
        for name in names:
            containers.start(name)
        wait_for(lambda: containers.get("/readyz")[0] == 200, "/readyz answers 200", 90)
        wait_for(lambda: site.states() == {"sent": 2}, "what is due was sent", 90)
        wait_for(lambda: "Takes what comes back" in containers.log("inbound").read_text(), "the door is open")
        with smtplib.LMTP("127.0.0.1", int(containers.ports["2526"])) as door:
            assert door.ehlo()[0] == 250
        check = containers.command(containers.services["web"]["healthcheck"]["test"][1:])
        assert subprocess.run(check, check=False).returncode == 0
        assert {name: containers.stop(name) for name in reversed(names)} == dict.fromkeys(names, 0)
    assert sorted(to for _, to in recorder.accepted()) == ["ada@client.example", "bo@client.example"]
    assert {
        path: when for path, when in _files(site.root).items() if not path.startswith(f"{site.root}/var/")
    } == before
