"""Kombu's transport for RabbitMQ, whose connection is given up as a whole when one reply does not come in time."""

from __future__ import annotations

from typing import Any

from amqp.exceptions import RecoverableConnectionError
from kombu.transport import pyamqp

SILENCE = 15.0
"""Seconds without a reply."""


class Connection(pyamqp.Connection):
    """A command whose reply does not come ends the connection, so that the commands after it do not wait as well.

    A worker that ends cancels each of its queues: against a RabbitMQ that fell silent it would wait for each.
    """

    def blocking_read(self, timeout: float | None = None) -> Any:
        """Reads one frame. With a `timeout` the caller expects that nothing may come; without one it wants a reply."""
        try:
            return super().blocking_read(timeout)
        except TimeoutError as late:
            if timeout is not None:
                raise
            self.collect()
            raise RecoverableConnectionError(f"no reply within {SILENCE:g} s") from late


class Transport(pyamqp.Transport):
    """The transport that `amqp://` stands for in workers."""

    Connection = Connection
