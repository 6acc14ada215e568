"""A workspace at work: its database, broker and mail server, and real Celery workers that can be killed.

Workers are processes in groups of their own, woken through the broker as in production. Only the business clock is
told to them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, func, insert, select

from regulars.core import ids
from regulars.db.engine import open_engine, read, write
from regulars.db.tables import customers, promises
from regulars.insights.progress import settled
from regulars.operation.database_upgrade import upgrade_database
from regulars.profile import facts
from tests.common.people import SECRET

_ROOT = Path(__file__).parents[2]
KNOWN_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
AGAIN = 3.0
"""Seconds between wake-ups while something is waited for; the embedded broker hands out about one a second."""


@dataclass
class Site:
    """Where a workspace works; `settings` are further environment variables."""

    root: Path
    database_url: str
    broker_url: str
    smtp_url: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        return os.environ | {
            "REGULARS_WORKSPACE": str(self.root),
            "REGULARS_DATABASE_URL": self.database_url,
            "REGULARS_BROKER_URL": self.broker_url,
            "REGULARS_SMTP_URL": self.smtp_url,
            "REGULARS_SECRET": "a secret for tests only",
            **self.settings,
        }

    def prepare(self) -> None:
        """Makes the tables, unless they are there."""
        self.engine.connect().close()

    @cached_property
    def engine(self) -> Engine:
        """Its database, with all tables."""
        (self.root / "var").mkdir(exist_ok=True)
        engine = open_engine(self.database_url)
        upgrade_database(engine, secret=SECRET)
        return engine

    def crowd(self, count: int) -> None:
        """Puts so many clients into the database, `c-00000` the first."""
        names = [f"c-{number:05}" for number in range(count)]
        rows = [
            {
                "external_id": name, "uid": name, "email": f"{name}@client.example", "bucket": ids.bucket(name),
                "attrs": {}, "created_at": KNOWN_SINCE, "updated_at": KNOWN_SINCE,
            }
            for name in names
        ]  # fmt: skip
        with write(self.engine) as connection:
            connection.execute(insert(customers), rows)
            facts.refresh(connection)

    def ledger(self) -> set[tuple[str, str, str, str, str, str | None]]:
        """Every promise as (campaign, step, customer, occurrence, state, reason)."""
        columns = (promises.c.campaign, promises.c.step, customers.c.external_id, promises.c.occurrence)
        query = select(*columns, promises.c.state, promises.c.reason).join(customers)
        with read(self.engine) as connection:
            return {(r[0], r[1], r[2], r[3], r[4], r[5]) for r in connection.execute(query)}

    def message_ids(self) -> set[str]:
        """The Message-IDs that the ledger knows."""
        with read(self.engine) as connection:
            return {str(found) for found in connection.scalars(select(promises.c.message_id)) if found}

    def states(self) -> Counter[str]:
        """How many promises there are in each state."""
        query = select(promises.c.state, func.count()).group_by(promises.c.state)
        with read(self.engine) as connection:
            return Counter({row[0]: int(row[1]) for row in connection.execute(query)})

    def quiet(self, moment: datetime) -> bool:
        """Whether the plan of that moment was made and nothing that may go is left or in hand."""
        return settled(self.engine, moment)


_PATIENCE = 60
"""Seconds for a worker to end: with the chunk in hand, and on a busy machine."""


def _processes(group: int) -> str:
    """The processes of a group, each with its state and what it waits for in the kernel."""
    form = ["ps", "-o", "pid,ppid,stat,wchan:20,etimes,args", "--no-headers", "-g", str(group)]
    return subprocess.run(form, capture_output=True, text=True, check=False).stdout


class Worker:
    """A Celery worker with one pool process, both in a process group that can be killed as one."""

    def __init__(self, site: Site, name: str = "one") -> None:
        self.site, self.name = site, name
        self.start()

    def start(self) -> None:
        """Starts it, again after a death."""
        options = ["--concurrency", "1", "--hostname", f"{self.name}@%h", "--loglevel", "INFO"]
        quick = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        command = [sys.executable, "-m", "celery", "--app", "regulars.workers", "worker", *options, *quick]
        with (self.site.root / "var" / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.site.environment, cwd=_ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """`kill -9` of the whole group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ends it politely; its exit code. Where it does not end, it fails with the log and what its threads do."""
        self.process.terminate()
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGUSR1)  # Celery logs where each thread is
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
            still = _processes(self.process.pid)
            self.kill()
            log = (self.site.root / "var" / f"{self.name}.log").read_text("utf-8", "replace")
            end = f"worker {self.name} did not end within {_PATIENCE} s of SIGTERM; its processes: {still}; its log:\n"
            raise AssertionError(f"{end}{log[-12_000:]}") from None


class Waker:
    """Puts wake-ups on the broker, from a process of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.start()

    def start(self) -> None:
        """Starts it, also again: one whose broker was removed must connect anew."""
        with (self.site.root / "var" / "waker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "regulars.workers.wake"], env=self.site.environment, cwd=_ROOT,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def wake(self, task: str, moment: datetime) -> None:
        """Returns once the broker has it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{task} {moment.isoformat()}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def stop(self) -> None:
        """Ends it."""
        self.process.communicate()


@dataclass
class Crew:
    """Workers of one site and the one who wakes them."""

    site: Site
    workers: Sequence[Worker]
    waker: Waker

    def play(self, moment: datetime, seconds: float = 60) -> None:
        """Plans at that moment and returns when all that may go has gone; wakes again as beat would."""
        self.waker.wake("regulars.plan", moment)
        self.finish(moment, seconds)

    def finish(self, moment: datetime, seconds: float = 60) -> None:
        """Returns when all that may go has gone; raises TimeoutError otherwise."""
        end, again = time.monotonic() + seconds, time.monotonic() + AGAIN
        while not self.site.quiet(moment):
            if time.monotonic() > end:
                raise TimeoutError(f"after {seconds:g} seconds: {dict(self.site.states())}")
            if time.monotonic() > again:
                self.waker.wake("regulars.dispatch", moment)
                again = time.monotonic() + AGAIN
            time.sleep(0.05)


@contextmanager
def crew(site: Site, workers: int = 1) -> Iterator[Crew]:
    """So many workers for the block; what still runs at the end is ended."""
    site.prepare()
    with ExitStack() as stack:
        found = []
        for number in range(workers):
            worker = Worker(site, f"worker{number}")
            stack.callback(_end, worker)
            found.append(worker)
        waker = Waker(site)
        stack.callback(waker.stop)
        yield Crew(site, found, waker)


def _end(worker: Worker) -> None:
    """At once: whoever wants to see it end politely has asked it to."""
    if worker.process.poll() is None:
        worker.kill()
