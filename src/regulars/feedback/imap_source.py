"""Messages in an IMAP mailbox (RFC 3501): those not seen, which are marked as seen once they are recorded."""

from __future__ import annotations

import contextlib
import imaplib
import ipaddress
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from regulars.core.errors import EnvironmentFailed
from regulars.feedback.incoming import LARGEST, Incoming

TIMEOUT = 30.0
"""Seconds for each step of the conversation."""
MOST_AT_ONCE = 2000
"""How many messages one pass looks at; the next pass takes the others."""
_PORTS = {"imaps": 993, "imap": 143}
_UNSAFE = re.compile(r"[\r\n\0\"\\]")


@dataclass(frozen=True, slots=True)
class ImapSource:
    """A mailbox by its URL: `imaps://user:password@host/INBOX`; `imap://` begins TLS on the plain port."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    mailbox: str
    implicit_tls: bool

    @classmethod
    def parse(cls, url: str) -> ImapSource:
        """Raises EnvironmentFailed for an incomplete URL, without repeating it: it holds a password."""
        parts = urlsplit(url)
        try:
            port = parts.port or _PORTS[parts.scheme]
        except (KeyError, ValueError):
            raise EnvironmentFailed("the mailbox is no `imaps://user:password@host/INBOX`") from None
        if not parts.hostname or not parts.username or parts.password is None:
            raise EnvironmentFailed("the mailbox needs user, password and host: `imaps://user:password@host/INBOX`")
        mailbox = unquote(parts.path.strip("/")) or "INBOX"
        if _UNSAFE.search(mailbox):
            raise EnvironmentFailed("the mailbox's name holds a quote, a backslash or a control character")
        return cls(
            parts.hostname, port, unquote(parts.username), unquote(parts.password), mailbox, parts.scheme == "imaps"
        )

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.user}@{self.host}:{self.port}/{self.mailbox}"

    def messages(self) -> Iterator[Incoming]:
        """The oldest first. A message stays unseen until it is recorded; a failed one is flagged for a person, too."""
        try:
            with contextlib.closing(_Session(self)) as session:
                for uid in session.unseen()[:MOST_AT_ONCE]:
                    content = session.fetch(uid)
                    if content is not None:
                        seen = partial(session.mark, uid, r"(\Seen)")
                        yield Incoming(f"{uid}", content, seen, partial(session.mark, uid, r"(\Seen \Flagged)"))
        except (imaplib.IMAP4.error, OSError) as error:
            words = str(error).replace(self.password, "…") if self.password else str(error)
            raise EnvironmentFailed(f"the mailbox {self.name} cannot be read: {words[:200]}") from None


class _Session:
    """One conversation with the server, with the mailbox selected."""

    def __init__(self, of: ImapSource) -> None:
        if of.implicit_tls:
            context = ssl.create_default_context()
            self._imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(of.host, of.port, ssl_context=context, timeout=TIMEOUT)
        else:
            self._imap = imaplib.IMAP4(of.host, of.port, timeout=TIMEOUT)
            self._secure(of.host)
        try:
            self._imap.login(of.user, of.password)
            self._require(self._imap.select(f'"{of.mailbox}"'), f"there is no mailbox `{of.mailbox}`")
        except BaseException:
            self.close()
            raise

    def _secure(self, host: str) -> None:
        """TLS before the password, except on this machine."""
        if "STARTTLS" in self._imap.capabilities:
            self._imap.starttls(ssl.create_default_context())
        elif not _is_local(host):
            self.close()
            raise imaplib.IMAP4.error("the server offers no TLS, and the password would go in the clear")

    def unseen(self) -> list[int]:
        """The numbers (UID) of the messages not seen, the oldest first."""
        (found,) = self._require(self._imap.uid("SEARCH", "UNSEEN"), "the search failed")[:1]
        return sorted(int(one) for one in (found or b"").split())

    def fetch(self, uid: int) -> bytes | None:
        """The first bytes of the message, which stays unseen; None if it has gone meanwhile."""
        answer = self._require(self._imap.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST}>)"), "the fetch failed")
        return next((part[1] for part in answer if isinstance(part, tuple)), None)

    def mark(self, uid: int, flags: str) -> None:
        """Adds flags to the message; raises EnvironmentFailed."""
        try:
            self._require(self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", flags), "it was refused")
        except (imaplib.IMAP4.error, OSError) as error:
            raise EnvironmentFailed(f"message {uid} of the mailbox could not be marked as read: {error}") from None

    def close(self) -> None:
        """Says goodbye; a connection that is gone already is no fault."""
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            self._imap.logout()

    @staticmethod
    def _require(answer: tuple[str, list[Any]], fault: str) -> list[Any]:
        status, data = answer
        if status != "OK":
            raise imaplib.IMAP4.error(fault)
        return data


def _is_local(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
