"""A local inbox: an SMTP server on a loopback port that stores every message as a file and forwards nothing.

A message is acknowledged only after its file is complete, so that every acknowledged message is in the
folder, even after a crash. Files are numbered in order of arrival.
"""

from __future__ import annotations

import hashlib
import re
import socket
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP

from regulars.core.errors import EnvironmentFailed
from regulars.core.paths import make_private
from regulars.delivery.inbox.mail_store import StoredMessage, keep, number, stored
from regulars.delivery.inbox.pages import write_index
from regulars.delivery.listening import ListeningServer

__all__ = ["Inbox", "StoredMessage", "stored", "write_index"]

LARGEST = 64 * 1024 * 1024
"""Maximum size of a message in bytes."""


_NAME = "Regulars-inbox"
_GREETING = re.compile(rf"220 \S+ {_NAME} ([0-9a-f]{{16}})\s*")


def folder_mark(folder: Path) -> str:
    """The mark in an inbox's greeting, by which a workspace recognises its own."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def inbox_at(host: str, port: int, seconds: float = 2.0) -> str | None:
    """The `folder_mark` of the local inbox that listens there; None for another server, or none."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            greeting = connection.makefile("rb").readline(512)
    except OSError:
        return None
    found = _GREETING.fullmatch(greeting.decode("ascii", "replace"))
    return found[1] if found else None


class Inbox(ListeningServer):
    """`with Inbox(folder) as inbox:` listens on `inbox.port` until the end of the block.

    Existing messages in the folder stay. Raises EnvironmentFailed when the port or the folder
    cannot be used.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.folder = folder
        self._last = 0

    @property
    def url(self) -> str:
        """The REGULARS_SMTP_URL of this inbox."""
        return f"smtp://{self.host}:{self.port}"

    def messages(self) -> list[StoredMessage]:
        """All stored messages, in order of arrival."""
        return stored(self.folder)

    def __enter__(self) -> Self:
        try:
            make_private(self.folder)
        except OSError as error:
            raise EnvironmentFailed(f"the inbox cannot write to {self.folder}: {error}") from error
        self._last = max((number(path) for path in self.folder.glob("*.eml")), default=0)
        return super().__enter__()

    def _connection(self, others: int) -> SMTP:
        return SMTP(
            self, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="inbox.localhost",
            ident=f"{_NAME} {folder_mark(self.folder)}",
        )  # fmt: skip

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        """Stores one message; called by aiosmtpd, for one message at a time."""
        next_number = self._last + 1
        sender = "" if envelope.mail_from in {None, "<>"} else str(envelope.mail_from)
        try:
            path = keep(self.folder, next_number, sender, envelope.rcpt_tos, bytes(envelope.content))
        except OSError as error:
            return f"451 4.3.0 the message could not be kept: {error.strerror}"
        self._last = next_number
        return f"250 2.0.0 kept as {path.name}"
