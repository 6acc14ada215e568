"""A mail server of our own: accepts connections in a thread, with an event loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import Self

from aiosmtpd.smtp import SMTP

from regulars.core.errors import EnvironmentFailed


class ListeningServer(ABC):
    """Listens on `host` and `port` within a `with` block; port 0 is a free one, and `port` then names it.

    Entering raises EnvironmentFailed if the port cannot be used. Messages are handled in the thread of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _connection(self, others: int) -> SMTP:
        """The protocol of a new connection beside `others` open ones."""

    def __enter__(self) -> Self:
        try:
            listener = socket.create_server((self.host, self.port))
        except OSError as error:
            raise EnvironmentFailed(f"cannot listen on {self.host}:{self.port}: {error.strerror or error}") from error
        self.port = listener.getsockname()[1]
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(listener, ready),), daemon=True)
        self._thread.start()
        ready.result()
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    async def _serve(self, listener: socket.socket, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connections: set[SMTP] = set()

        def connect() -> SMTP:
            connections.difference_update([one for one in connections if one.transport is None])
            one = self._connection(len(connections))
            connections.add(one)
            return one

        server = await self._loop.create_server(connect, sock=listener)
        ready.set_result(None)
        await self._stop.wait()
        server.close()
        for one in connections:
            if one.transport is not None:
                one.transport.close()
        await server.wait_closed()
