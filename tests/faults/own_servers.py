"""Servers of the harness's own, on free ports, that may be killed and started again on the same data.

A kill leaves what a kill leaves: PostgreSQL recovers from its log, Redis is empty, RabbitMQ has its durable queues.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.common import brokers, servers
from tests.common.servers import Unavailable, free_port, listens, wait_for
from tests.faults.process_tree import children


class OwnServer:
    """`with OwnServer(...) as server:` runs it for the block; `kill` ends it at once, `start` brings it back."""

    url: str

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.port = home, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> tuple[list[str], dict[str, Any]]:
        """The program with its arguments, and options of Popen."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it takes clients."""
        return listens(("127.0.0.1", self.port))

    def start(self) -> None:
        """Starts it, and returns when it is ready."""
        end = time.monotonic() + 120
        while not self._started(end):  # PostgreSQL ends while children of the one before still end
            if time.monotonic() > end:
                raise TimeoutError(f"{type(self).__name__} does not start; see {self.home / 'log'}")
            time.sleep(0.2)

    def _started(self, end: float) -> bool:
        command, options = self.command()
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)
        while time.monotonic() < end and self._process.poll() is None:
            if self.ready():
                return True
            time.sleep(0.05)
        return False

    @property
    def pid(self) -> int:
        """Its first process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """`kill -9` of all its processes, of those too that are in a group of their own."""
        if self._process is not None and self._process.poll() is None:
            started = children(self.pid, deep=True)
            os.killpg(self.pid, signal.SIGKILL)
            for process in started:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._process.wait(60)
            wait_for(lambda: not listens(("127.0.0.1", self.port)), "nobody listens any more")

    def flush(self) -> None:
        """Forgets everything, as an operator's mistake makes it."""
        brokers.wipe(self.url)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Postgres(OwnServer):
    """PostgreSQL; each commit is in its log before it is answered, unlike in the databases of other tests."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        found = servers.postgres_binaries()
        if found is None:
            raise Unavailable("PostgreSQL: none is installed that the harness may kill (Debian: postgresql)")
        self._binaries = found
        self.server = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/regulars"

    def command(self) -> tuple[list[str], dict[str, Any]]:
        return servers.postgres_command(self._binaries, self.home, self.port)

    def ready(self) -> bool:
        return servers.answers(self.server)

    def create(self) -> None:
        """Makes the database, unless it is there."""
        with psycopg.connect(self.server, autocommit=True) as admin:
            if not admin.execute("SELECT FROM pg_database WHERE datname = 'regulars'").fetchall():
                admin.execute("CREATE DATABASE regulars TEMPLATE template0 ENCODING 'UTF8'")

    def kill_first(self, number: signal.Signals) -> None:
        """The signal to its first process alone: SIGQUIT is the immediate mode, SIGKILL leaves its children to end."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(60)

    def kill_session(self, dice: random.Random) -> None:
        """`kill -9` of one client's process: PostgreSQL ends all others, and recovers from its log."""
        with suppress(psycopg.OperationalError, ProcessLookupError):
            with psycopg.connect(self.server, autocommit=True) as admin:
                query = "SELECT pid FROM pg_stat_activity WHERE datname = 'regulars' ORDER BY pid"
                found = [row[0] for row in admin.execute(query)]
            if found:
                os.kill(dice.choice(found), signal.SIGKILL)
        wait_for(self.ready, "PostgreSQL has recovered", 60)


class Redis(OwnServer):
    """Redis without files: empty after each start."""

    @property
    def url(self) -> str:  # type: ignore[override]
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> tuple[list[str], dict[str, Any]]:
        return servers.redis_command(self.home, self.port), {}


class RabbitMQ(OwnServer):
    """RabbitMQ with files, a node of its own."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        found = servers.rabbitmq_program()
        if found is None:
            raise Unavailable("RabbitMQ: none is installed that the harness may kill (Debian: rabbitmq-server)")
        self._program = found
        self._environment = servers.rabbitmq_environment(home / "node", self.port)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> tuple[list[str], dict[str, Any]]:
        return [self._program], {"env": self._environment}
