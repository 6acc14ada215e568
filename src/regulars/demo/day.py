"""Playing the day: a Celery worker and a mail server of this machine, driven hour by hour.

The worker is a process of its own that gets its wake-ups through the broker, as in production; the business
clock it is told stands at the hours of the day.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, or_, select

from regulars.core.calendar import instant
from regulars.core.errors import EnvironmentFailed
from regulars.core.settings import Settings
from regulars.demo.business import DAY
from regulars.ledger import State
from regulars.store.engine import read
from regulars.store.tables import campaigns, promises

HOURS = (9, 10, 11, 12, 13, 15, 17, 19, 21)
"""Hours of the company's clock at which the day is looked at."""
_PATIENCE = 60.0
"""Seconds to wait for a worker that does not answer."""


@dataclass(frozen=True, slots=True)
class Played:
    """The instants of the day that were played, the first when the rules came into force."""

    moments: tuple[datetime, ...]
    before: int
    after: int


class Helpers:
    """The worker and its waker, processes of their own on the broker of this workspace."""

    def __init__(self, settings: Settings, smtp_url: str) -> None:
        self._log = (settings.var / "worker.log").open("ab")
        environment = os.environ | {
            "REGULARS_WORKSPACE": str(settings.workspace),
            "REGULARS_SMTP_URL": smtp_url,
            "REGULARS_DATABASE_URL": settings.database_url,
            "REGULARS_BROKER_URL": settings.broker_url,
        }
        worker = ["celery", "--app", "regulars.workers", "worker", "--pool", "solo", "--loglevel", "INFO"]
        self.worker = subprocess.Popen(
            [sys.executable, "-m", *worker], env=environment, stdout=self._log, stderr=self._log
        )
        self.waker = subprocess.Popen(
            [sys.executable, "-m", "regulars.workers.wake"],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip

    def wake(self, task: str, moment: datetime) -> None:
        """Puts a wake-up for that time on the broker."""
        assert self.waker.stdin is not None
        assert self.waker.stdout is not None
        self.waker.stdin.write(f"{task} {moment.isoformat()}\n")
        self.waker.stdin.flush()
        if self.waker.stdout.readline() != "ok\n":
            raise EnvironmentFailed("the broker took no message; var/worker.log says why")

    def close(self) -> None:
        """Ends both, the worker politely."""
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


def play(engine: Engine, zone: str, helpers: Helpers, progress: Callable[[datetime], None]) -> Played:
    """Plans and sends at each hour of the day; returns when everything that may go has gone."""
    midnight = datetime.combine(DAY, datetime.min.time())
    start = instant(midnight - timedelta(hours=12), zone)
    hours = [instant(midnight + timedelta(hours=h), zone) for h in HOURS]
    before = _sent(engine)
    for moment in (start, *hours):
        progress(moment)
        helpers.wake("regulars.plan", moment)
        _wait(engine, moment, helpers.worker)
    return Played((start, *hours), before, _sent(engine))


def _sent(engine: Engine) -> int:
    with read(engine) as connection:
        return int(connection.scalar(select(func.count()).where(promises.c.state == State.SENT)) or 0)


def _wait(engine: Engine, moment: datetime, process: subprocess.Popen[bytes]) -> None:
    """Until the plan of that moment is made and nothing that may go is left."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise EnvironmentFailed("the worker ended by itself; var/worker.log says why")
        if _done(engine, moment):
            return
        time.sleep(0.1)
    raise EnvironmentFailed(f"the worker did nothing for {_PATIENCE:.0f} seconds; var/worker.log may say why")


def _done(engine: Engine, moment: datetime) -> bool:
    going = or_(
        promises.c.state.in_([State.CLAIMED, State.SENDING]),
        (promises.c.state == State.PLANNED) & (promises.c.next_at <= moment),
    )
    with read(engine) as connection:
        planned = connection.scalar(select(func.min(campaigns.c.planned_at)).where(campaigns.c.retired_at.is_(None)))
        return planned == moment and connection.scalar(select(promises.c.id).where(going).limit(1)) is None
