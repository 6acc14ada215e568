"""The broker that needs no server: processes that start at the same moment do not fail each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from kombu.transport import sqlalchemy as kombu_tables
from sqlalchemy import URL, Engine, create_engine, event, text

from regulars.workers.embedded import Transport

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
"""Kombu's own; the processes do not show it."""

PLAN = Queue("plan", Exchange("plan"), routing_key="plan")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a broker whose file is not there yet."""
    with Connection(f"sqla+sqlite:///{tmp_path}/broker.sqlite", transport=Transport) as connection:
        yield connection


@contextmanager
def _engine(url: str | URL) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _put(broker: Connection) -> Any:
    with broker.Producer() as producer:
        producer.publish({"wake": "up"}, routing_key="plan", exchange=PLAN.exchange, declare=[PLAN])
    with broker.SimpleQueue("plan") as queue:
        return queue.get(block=False).payload


def test_a_queue_that_another_process_makes_at_the_same_moment_is_used(broker: Connection, tmp_path: Path) -> None:
    channel: Any = broker.default_channel
    others: list[str] = []

    def between(*_: object) -> None:
        """The other one was quicker, between the look and the writing."""
        if not others:
            with _engine(f"sqlite:///{tmp_path}/broker.sqlite") as engine, engine.begin() as connection:
                connection.execute(text("INSERT INTO kombu_queue (name) VALUES ('plan')"))
            others.append("plan")

    event.listen(channel.session, "before_flush", between)
    assert _put(broker) == {"wake": "up"}
    assert others == ["plan"]


def test_tables_that_another_process_makes_at_the_same_moment_are_used(broker: Connection) -> None:
    metadata = kombu_tables.metadata  # type: ignore[attr-defined]
    others: list[str] = []

    def between(_: object, connection: Any, **__: object) -> None:
        if not others:
            others.append("tables")
            with _engine(connection.engine.url) as engine:
                metadata.create_all(engine)

    event.listen(metadata, "before_create", between)
    try:
        assert _put(broker) == {"wake": "up"}
    finally:
        event.remove(metadata, "before_create", between)
    assert others == ["tables"]
