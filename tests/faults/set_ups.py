"""The three set-ups that Regulars is run on, each with servers that the harness may kill."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.own_servers import OwnServer, Postgres, RabbitMQ, Redis

SET_UPS = ("embedded", "redis", "rabbitmq")
"""SQLite with the embedded broker, PostgreSQL with Redis, PostgreSQL with RabbitMQ."""


@dataclass(frozen=True)
class SetUp:
    """Where a workspace works; None for a server that is no process."""

    kind: str
    database_url: str
    broker_url: str
    postgres: Postgres | None = None
    broker: OwnServer | None = None

    def flush_broker(self) -> None:
        """Every wake-up that waits is gone; the embedded broker's file stays, for its users have it open."""
        if self.broker is not None:
            self.broker.flush()
            return
        with closing(sqlite3.connect(self.broker_url.removeprefix("sqla+sqlite:///"), timeout=60)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'kombu_message'").fetchone():
                connection.execute("DELETE FROM kombu_message")
                connection.commit()


@contextmanager
def set_up(kind: str, folder: Path) -> Iterator[SetUp]:
    """The servers of one of SET_UPS for the block, on what is in `folder` from an earlier run.

    Raises servers.Unavailable where one of them is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "embedded":
        yield SetUp(kind, f"sqlite:///{folder}/regulars.sqlite", f"sqla+sqlite:///{folder}/broker.sqlite")
        return
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        postgres.create()
        broker = stack.enter_context((Redis if kind == "redis" else RabbitMQ)(folder / kind))
        yield SetUp(kind, postgres.url, broker.url, postgres, broker)
