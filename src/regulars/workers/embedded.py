"""The embedded broker: Kombu's queues in a SQLite file, made fit for processes that start at the same time."""

from __future__ import annotations

from typing import Any

from kombu.transport import sqlalchemy as tables
from sqlalchemy.exc import IntegrityError, OperationalError

LOOK_EVERY = 0.25
"""Seconds between looks into the queues when they are empty."""


class Channel(tables.Channel):
    """Takes a table or a queue that another process has made since it looked, where Kombu's own would fail."""

    def _open(self) -> Any:
        try:
            return super()._open()
        except OperationalError:  # the tables are there now
            return super()._open()

    def _get_or_create(self, queue: str) -> Any:
        try:
            return super()._get_or_create(queue)  # type: ignore[misc]
        except IntegrityError:  # the queue is there now
            self.session.rollback()
            return super()._get_or_create(queue)  # type: ignore[misc]


class Transport(tables.Transport):
    """Kombu's transport with these channels."""

    Channel = Channel
    polling_interval = LOOK_EVERY  # an option of this name would go to the database's driver
