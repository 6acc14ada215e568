"""The door for mail servers: SMTP (RFC 5321) or LMTP (RFC 2033), only for messages to our return paths.

A message is acknowledged after its transaction has committed. While the database is away it is refused for now (451):
the mail server that hands it over keeps it. It has no TLS and no password, and listens where only that server is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP
from sqlalchemy import Engine

from regulars.core.clock import Clock
from regulars.core.errors import EnvironmentFailed, Invalid
from regulars.core.return_path import ReturnPath
from regulars.delivery.listening import ListeningServer
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


class InboundServer(ListeningServer):
    """`with InboundServer(…) as door:` listens on `door.port` until the end of the block.

    `receiver` gives the rules in force. Raises EnvironmentFailed if the port cannot be used.
    """

    def __init__(
        self, engine: Engine, receiver: Callable[[], Receiver], clock: Clock, *, host: str, port: int, aside: Path,
        lmtp: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(host, port)
        self.engine, self.receiver, self.clock, self.aside = engine, receiver, clock, aside
        self._protocol = _Lmtp if lmtp else _Smtp
        self._most_recipients = 1 if lmtp else 10  # an LMTP server would owe a reply for each

    def _connection(self, others: int) -> SMTP:
        made = self._protocol(
            self, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="inbound.localhost", ident="Regulars",
            timeout=TIMEOUT,
        )  # fmt: skip
        made.full = others >= MOST_CONNECTIONS
        return made

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
