"""The embedded broker: Kombu's queues in a SQLite file, made safe for processes that start at the same time."""

from __future__ import annotations

from typing import Any

from kombu.transport import sqlalchemy as tables
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

LOOK_EVERY = 0.25
"""Polling interval in seconds when the queues are empty."""


class Channel(tables.Channel):
    """Accepts a table or queue that another process has just created, where Kombu's own would fail."""

    _made: Engine | None = None

    def _engine_from_config(self) -> Engine:
        self._made = super()._engine_from_config()
        return self._made

    def _open(self) -> Any:
        try:
            return super()._open()
        except OperationalError:  # the tables exist now
            if self._made is not None:  # Kombu drops its engine without closing the connection
                self._made.dispose()
            return super()._open()

    def _get_or_create(self, queue: str) -> Any:
        try:
            return super()._get_or_create(queue)  # type: ignore[misc]
        except IntegrityError:  # the queue exists now
            self.session.rollback()
            return super()._get_or_create(queue)  # type: ignore[misc]


class Transport(tables.Transport):
    """Kombu's transport with these channels."""

    Channel = Channel
    polling_interval = LOOK_EVERY  # an option of this name would go to the database's driver
