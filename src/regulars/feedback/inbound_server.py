"""The door for mail servers: SMTP (RFC 5321) or LMTP (RFC 2033), only for messages to our return paths.

A message is acknowledged after its transaction has committed. While the database is away it is refused for now (451):
the mail server that hands it over keeps it. It has no TLS and no password, and listens where only that server is.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP
from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.core.return_path import ReturnPath
from regulars.feedback.file_sources import keep_aside
from regulars.feedback.incoming import take
from regulars.feedback.promise_search import Receiver

log = logging.getLogger("regulars.feedback")

LARGEST = 10 * 1024 * 1024
"""Bytes of a message that is accepted: a returned email may be complete, with its attachment."""
MOST_CONNECTIONS = 50
TIMEOUT = 60.0
"""Seconds without a command after which a connection is closed."""

_AWAY = "451 4.3.0 not recorded, try again later"


class InboundServer:
    """`with InboundServer(…) as door:` listens on `door.port` until the end of the block.

    `receiver` gives the rules in force. Raises EnvironmentFailed if the port cannot be used.
    """

    def __init__(
        self, engine: Engine, receiver: Callable[[], Receiver], clock: Clock, *, host: str, port: int, aside: Path,
        lmtp: bool = False,
    ) -> None:  # fmt: skip
        self.engine, self.receiver, self.clock = engine, receiver, clock
        self.host, self.port, self.aside = host, port, aside
        self._protocol = _Lmtp if lmtp else _Smtp
        self._most_recipients = 1 if lmtp else 10  # an LMTP server would owe a reply for each
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

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
        open_now: set[SMTP] = set()

        def connection() -> SMTP:
            open_now.difference_update([one for one in open_now if one.transport is None])
            made = self._protocol(
                self, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="inbound.localhost", ident="Regulars",
                timeout=TIMEOUT,
            )  # fmt: skip
            made.full = len(open_now) >= MOST_CONNECTIONS
            open_now.add(made)
            return made

        server = await self._loop.create_server(connection, sock=listener)
        ready.set_result(None)
        await self._stop.wait()
        server.close()
        for one in open_now:
            if one.transport is not None:
                one.transport.close()
        await server.wait_closed()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Accepts recipients that are return paths of ours; called by aiosmtpd."""
        try:
            receiver = await asyncio.to_thread(self.receiver)
        except (EnvironmentFailed, Invalid):
            return _AWAY
        bounces = receiver.rulebook.company.bounces
        if bounces is None or not ReturnPath.parse(bounces).receives(address):
            return "550 5.1.1 no such address here"
        if len(envelope.rcpt_tos) >= self._most_recipients:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        """Records one message; called by aiosmtpd."""
        content = bytes(envelope.content)
        return await asyncio.to_thread(self._record, content, list(envelope.rcpt_tos))

    def _record(self, content: bytes, to: list[str]) -> str:
        try:
            receiver = self.receiver()
            new = sum(take(self.engine, content, address, receiver, self.clock()).total() for address in to)
        except (EnvironmentFailed, Invalid) as error:
            log.error("a message was refused for now: %s", error)  # the sender comes again
            return _AWAY
        except Exception:  # of no use to its sender, who would bounce it
            log.exception("a message cannot be read and is kept in %s", self.aside)
            keep_aside(self.aside, content)
            return "250 2.0.0 kept for a person"
        return f"250 2.0.0 {new} new"


class _Full:
    """Turns away connections beyond the limit."""

    full = False

    def connection_made(self, transport: Any) -> None:
        """Greets, or says that there is no room."""
        if self.full:
            transport.write(b"421 4.3.2 too many connections, try again later\r\n")
            transport.close()
            return
        super().connection_made(transport)  # type: ignore[misc]


class _Smtp(_Full, SMTP):
    pass


class _Lmtp(_Full, LMTP):
    pass
