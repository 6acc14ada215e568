"""`regulars up`: everything on one machine, from one command to one Ctrl-C, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.db.engine import write
from regulars.profile import facts
from tests.common.people import add_customer, add_purchase
from tests.common.recorder import Recorder
from tests.common.servers import free_port, wait_for
from tests.common.site import Site
from tests.common.workspace import write_workspace
from tests.system.conftest import OpenSite

pytestmark = pytest.mark.slow

CLI = Path(__file__).parents[2] / "cli.py"
RULES = {"thanks": {"when": "customer.purchases >= 1", "backfill": "all", "email": "thanks"}}


def _processes() -> Iterator[tuple[int, int, str]]:
    """(process, group, command line) of all that run, zombies apart; by /proc, since small images have no `ps`."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-Ao", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True)
        for pid, group, state, words in (line.split(maxsplit=3) for line in listed.stdout.splitlines()):
            if state[0] != "Z":
                yield int(pid), int(group), words
        return
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, group, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            if state != "Z":
                yield int(entry.name), int(group), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def _group(leader: int) -> dict[int, str]:
    """The processes of the leader's group that still run, with their command lines."""
    return {process: words for process, group, words in _processes() if group == leader}


@contextmanager
def _up(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """`regulars up` in a process group of its own, as a terminal starts it."""
    command = [sys.executable, str(CLI), "--workspace", str(site.root), "up", "--port", str(free_port())]
    with (site.root / "var" / "up.log").open("ab") as log:
        process = subprocess.Popen(command, env=site.environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        if _group(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _prepare(site: Site) -> None:
    write_workspace(site.root, RULES)
    with write(site.engine) as connection:
        for name in ("ada", "bo", "cy"):
            key = add_customer(connection, name)
            if name != "cy":
                add_purchase(connection, key, datetime(2026, 1, 1, tzinfo=UTC))
        facts.refresh(connection)


def test_up_plans_and_sends_by_itself_and_ends_cleanly(open_site: OpenSite, recorder: Recorder) -> None:
    site = open_site("embedded", recorder.url)
    _prepare(site)
    with _up(site) as process:
        wait_for(lambda: site.states() == {"sent": 2}, "what is due was sent", 150)
        names = " ".join(_group(process.pid).values())
        assert " worker " in names
        assert " beat " in names
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: the whole foreground group hears it
        assert process.wait(60) == 0
        assert _group(process.pid) == {}
    assert Counter(to for _, to in recorder.accepted()) == {"ada@client.example": 1, "bo@client.example": 1}


def test_up_ends_when_one_of_its_processes_does(open_site: OpenSite, recorder: Recorder) -> None:
    site = open_site("embedded", recorder.url)
    _prepare(site)
    with _up(site) as process:
        wait_for(lambda: "beat: Starting" in (site.root / "var" / "up.log").read_text(), "the scheduler runs", 60)
        (beat,) = (number for number, words in _group(process.pid).items() if " beat " in words)
        os.kill(beat, signal.SIGKILL)
        assert process.wait(60) == 3
        assert _group(process.pid) == {}
    assert "ended by itself" in (site.root / "var" / "up.log").read_text()
