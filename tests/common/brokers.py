"""Wiping a broker: every wake-up that waits in it is gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import redis
from amqp.exceptions import NotFound
from kombu import Connection, Queue

QUEUES = ("plan", "dispatch", "ingest", "notify")


def wipe(url: str) -> None:
    """Empties the broker, whatever it is; the file of the embedded one is removed."""
    if url.startswith("sqla+sqlite:///"):
        Path(url.removeprefix("sqla+sqlite:///")).unlink(missing_ok=True)
    elif url.startswith("redis:"):
        with redis.Redis.from_url(url) as client:
            client.flushdb()
    else:
        _purge(url)


def _purge(url: str) -> None:
    for name in QUEUES:
        with Connection(url) as broker, suppress(NotFound):  # not there yet: nothing to empty
            Queue(name, channel=broker.default_channel).purge()
