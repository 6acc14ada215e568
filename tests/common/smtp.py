"""A real SMTP server for tests that only need to see what arrived.

Misbehaving servers (refusals, stalls, disconnects) are in tests/delivery.
"""

from __future__ import annotations

import email
import email.policy
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller

from tests.common.servers import free_port, wait_for


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted message: its envelope and its bytes as they came."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The message as the standard library reads it."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def text(self) -> str:
        """The text part in one line."""
        part = self.message.get_body(("plain",))
        return "" if part is None else " ".join(part.get_content().split())


class Inbox:
    """Accepts everything, forgets nothing. `messages` is in order of acceptance."""

    def __init__(self, port: int | None = None) -> None:
        self.host, self.port = "127.0.0.1", port or free_port()
        self._messages: list[Received] = []
        self._lock = threading.Lock()
        self._controller = Controller(self, hostname=self.host, port=self.port, enable_SMTPUTF8=True)

    @property
    def url(self) -> str:
        """What REGULARS_SMTP_URL must be to send here."""
        return f"smtp://{self.host}:{self.port}"

    @property
    def messages(self) -> list[Received]:
        """Everything accepted so far."""
        with self._lock:
            return list(self._messages)

    def wait(self, count: int, seconds: float = 30) -> list[Received]:
        """The messages, once there are `count` of them."""
        wait_for(lambda: len(self.messages) >= count, f"{count} messages arrived", seconds)
        return self.messages

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keeps the message; called by aiosmtpd."""
        with self._lock:
            self._messages.append(Received(envelope.mail_from, tuple(envelope.rcpt_tos), bytes(envelope.content)))
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
