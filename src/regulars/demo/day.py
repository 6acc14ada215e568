"""Runs the day: a Celery worker and a local mail server, driven hour by hour.

The worker is a separate process that gets its wake-ups through the broker, as in production; it is passed the
simulated hours of the day.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from regulars.core.calendar import instant
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.demo.business import DAY
from regulars.insights.progress import sent, settled

HOURS = (9, 10, 12, 13, 15, 17, 21)
"""Local hours of the company at which the demo plans."""
_SINGLE_WORKER = ("--without-gossip", "--without-mingle", "--without-heartbeat")
"""A single worker needs no gossip."""
_TIMEOUT = 60.0
"""Timeout in seconds for a worker that does not answer."""


class WorkerProcesses:
    """The worker and the process that wakes it, on the broker of this workspace."""

    def __init__(self, settings: Settings, smtp_url: str) -> None:
        self._log = (settings.var / "worker.log").open("ab")
        environment = os.environ | {
            "REGULARS_WORKSPACE": str(settings.workspace),
            "REGULARS_SMTP_URL": smtp_url,
            "REGULARS_DATABASE_URL": settings.database_url,
            "REGULARS_BROKER_URL": settings.broker_url,
        }
        worker = [
            "celery",
            "--app",
            "regulars.workers",
            "worker",
            "--pool",
            "solo",
            "--loglevel",
            "INFO",
            *_SINGLE_WORKER,
        ]
        self.worker = subprocess.Popen(
            [sys.executable, "-m", *worker], env=environment, stdout=self._log, stderr=self._log
        )
        self.waker = subprocess.Popen(
            [sys.executable, "-m", "regulars.workers.wake"],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip

    def wake(self, task: str, moment: datetime) -> None:
        """Sends a wake-up for that time to the broker."""
        assert self.waker.stdin is not None
        assert self.waker.stdout is not None
        self.waker.stdin.write(f"{task} {moment.isoformat()}\n")
        self.waker.stdin.flush()
        if self.waker.stdout.readline() != "ok\n":
            raise EnvironmentFailed("the broker took no message; var/worker.log says why")

    def close(self) -> None:
        """Stops both, the worker with SIGTERM."""
        assert self.waker.stdin is not None
        self.waker.stdin.close()
        self.waker.wait()
        self.worker.terminate()
        try:
            self.worker.wait(20)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()
        self._log.close()


def put_in_force(engine: Engine, zone: str, helpers: WorkerProcesses) -> datetime:
    """Plans at noon of the day before, so that the rules are in force when the day begins; returns that instant."""
    start = _at(zone, -12)
    _plan_and_wait(engine, helpers, start)
    return start


def play(engine: Engine, zone: str, helpers: WorkerProcesses, progress: Callable[[datetime, int], None]) -> int:
    """Plans and sends at each hour of the day; returns the number sent, when nothing is left to send.

    `progress` is called with each hour and the number sent in it.
    """
    before = sent(engine)
    for hour in HOURS:
        already = sent(engine)
        _plan_and_wait(engine, helpers, _at(zone, hour))
        progress(_at(zone, hour), sent(engine) - already)
    return sent(engine) - before


def morning(zone: str) -> datetime:
    """The instant at which the day begins."""
    return _at(zone, 0)


def _at(zone: str, hour: int) -> datetime:
    return instant(datetime.combine(DAY, datetime.min.time()) + timedelta(hours=hour), zone)


def _plan_and_wait(engine: Engine, helpers: WorkerProcesses, moment: datetime) -> None:
    """Wakes the worker, and waits until that plan is complete and nothing is left to send."""
    helpers.wake("regulars.plan", moment)
    until = time.monotonic() + _TIMEOUT
    while time.monotonic() < until:
        if helpers.worker.poll() is not None:
            raise EnvironmentFailed("the worker ended by itself; var/worker.log says why")
        if settled(engine, moment):
            return
        time.sleep(0.05)
    raise EnvironmentFailed(f"the worker did nothing for {_TIMEOUT:.0f} seconds; var/worker.log may say why")
