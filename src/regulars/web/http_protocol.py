"""uvicorn's HTTP protocol, with time limits for clients.

uvicorn waits without limit for the rest of a request and for a client that does not read its answer. Many such
connections would block all other clients.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 500
"""Maximum open connections of one process, below the usual limit of 1024 files. More are answered 503."""

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Phase(Enum):
    """A phase of a request with a time limit."""

    HEAD = "send the head of a request"
    BODY = "send the body of a request"
    READ = "read the answer"


class TimedProtocol(H11Protocol):
    """One connection. The time for a phase starts with the phase; slow bytes do not extend it."""

    seconds: ClassVar[dict[Phase, float]] = {Phase.HEAD: 10.0, Phase.BODY: 60.0, Phase.READ: 60.0}
    """Time limits of phases. Between two requests uvicorn's `timeout_keep_alive` applies."""

    _timer: asyncio.TimerHandle | None = None
    _phase: tuple[Phase, object] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time limit for the head."""
        super().connection_made(transport)
        self._enter(Phase.HEAD)

    def data_received(self, data: bytes) -> None:
        """Bytes of a head, of a body, or of both."""
        super().data_received(data)
        self._enter({h11.IDLE: Phase.HEAD, h11.SEND_BODY: Phase.BODY}.get(self.conn.their_state))

    def on_response_complete(self) -> None:
        """The answer is complete; a body that was not awaited still has to end."""
        super().on_response_complete()
        if self.conn.their_state is not h11.SEND_BODY:
            self._enter(None)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._enter(Phase.READ)

    def resume_writing(self) -> None:
        """The client continues to read."""
        super().resume_writing()
        self._enter(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._enter(None)
        super().connection_lost(exc)

    def _enter(self, phase: Phase | None) -> None:
        # A phase belongs to a request, or to the time before the first one: the next request has its own limit.
        entered = None if phase is None else (phase, self.cycle)
        if entered == self._phase:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._phase = entered
        self._timer = None if phase is None else self.loop.call_later(self.seconds[phase], self._give_up, phase)

    def _give_up(self, phase: Phase) -> None:
        if phase is Phase.HEAD and not self.transport.get_write_buffer_size():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
        else:
            self.transport.abort()
