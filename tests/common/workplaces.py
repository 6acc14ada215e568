"""Opens the workplaces of the fault run: processes, mail server, wake-ups, and a small disk for SQLite."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from regulars.db.engine import write
from regulars.profile import facts
from tests.common.faults import Workplace
from tests.common.people import add_customer
from tests.common.servers import Unavailable, free_port, wait_for
from tests.common.site import Site
from tests.common.smtp import Inbox
from tests.common.supervised import ShiftedClock, Supervised, readiness
from tests.common.workspace import write_workspace

RULES = {"visit": {"on": "visit.done", "kind": "transactional", "email": "visit"}}
_DISK = 24
"""Megabytes of the small disk."""
_WAKE_EVERY = 1.0
"""Seconds between wake-ups where there is no scheduler."""


@contextmanager
def small_disk(folder: Path, megabytes: int = _DISK) -> Iterator[Path]:
    """A file system of so many megabytes in memory, mounted there; raises Unavailable where that is not allowed."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"a small disk: {error}") from error
    if done.returncode:
        raise Unavailable(f"a small disk: mounting one is not allowed here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextmanager
def workplace(root: Path, database_url: str, *, disk: Path | None = None, beat: bool = False) -> Iterator[Workplace]:
    """A workspace at work at `root`; with `beat` by the real scheduler, else by wake-ups in quick succession."""
    with ExitStack() as stack:
        inbox = Inbox()
        inbox.__enter__()
        site = Site(root, database_url, f"sqla+sqlite:///{root}/var/broker.sqlite", inbox.url)
        write_workspace(root, RULES)
        stack.callback(site.engine.dispose)
        with write(site.engine) as connection:
            add_customer(connection, "ada")
            facts.refresh(connection)
        clock, port, logs = ShiftedClock(root / "shift"), free_port(), root / "logs"
        logs.mkdir()
        base = ["--workspace", str(root)]
        quick = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        shifted = {**site.environment, **clock.environment}
        worker = stack.enter_context(Supervised([*base, "worker", *quick], shifted, logs / "worker.log"))
        web = [*base, "web", "--port", str(port)]
        stack.enter_context(Supervised(web, site.environment, logs / "web.log"))
        if beat:
            stack.enter_context(Supervised([*base, "beat"], site.environment, logs / "beat.log"))
        wake = _nobody if beat else stack.enter_context(_waker(site))
        place = Workplace(site, port, worker, clock, inbox, inbox.port, wake, disk)
        stack.callback(place.stop_mail)
        wait_for(lambda: readiness(port)[0] == 200, "the web process is ready", 60)
        _settle(place)
        yield place


def _settle(place: Workplace) -> None:
    """Returns once the rules are in force and an email has gone."""

    def woken(ready: Callable[[], bool]) -> Callable[[], bool]:
        def is_ready() -> bool:
            place.wake()
            return ready()

        return is_ready

    wait_for(woken(lambda: "planned: " in place.worker.text()), "a first plan", 120)
    place.visit()
    wait_for(woken(lambda: place.mailed() > 0), "mail flows", 120)


def _nobody() -> None:
    """Beat wakes the worker."""


@contextmanager
def _waker(site: Site) -> Iterator[Callable[[], None]]:
    """Wakes plan and dispatch, though not more often than every second or so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "regulars.workers.wake"], env=site.environment, cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    woken = float("-inf")

    def wake() -> None:
        nonlocal woken
        assert process.stdin is not None
        assert process.stdout is not None
        if time.monotonic() - woken < _WAKE_EVERY:
            return
        woken = time.monotonic()
        for task in ("plan", "dispatch"):
            # With the time, for else a plan right after another is not made.
            process.stdin.write(f"regulars.{task} {datetime.now(UTC).isoformat()}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ok\n"

    try:
        yield wake
    finally:
        process.communicate()
