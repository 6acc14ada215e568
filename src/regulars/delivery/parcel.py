"""Input and output of a transport: one Result for every Parcel, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(slots=True)  # not frozen, like all objects made per email: frozen ones take three times as long
class Parcel:
    """One message, ready to send.

    `key` is the caller's own number. The message is for the first of `recipients`; the others get
    a copy. `data` has CRLF line ends, ends with one, and is not dot-stuffed. `smtputf8` says that its headers
    hold raw UTF-8. `sender` is the envelope's, empty for the null sender. `plain` is the caller's guarantee that `data`
    is ASCII, has CR and LF only as line ends, and no line that begins with a dot: its bytes are not checked again.
    """

    key: int
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    smtputf8: bool = False
    plain: bool = False


class Outcome(StrEnum):
    """The outcome of an attempt; only UNKNOWN leaves it open whether the message was accepted."""

    ACCEPTED = "accepted"
    """The server accepted it for the first recipient."""
    DEFERRED = "deferred"
    """A temporary refusal: a 4xx reply, or a reply that refuses the session."""
    REFUSED = "refused"
    """A permanent refusal: a 5xx reply, or a message that must not be offered to this server."""
    UNKNOWN = "unknown"
    """The connection was lost after the body began and before the reply: it may have been accepted."""
    UNSENT = "unsent"
    """Not offered, or certainly not accepted: safe to send again."""
    UNREACHABLE = "unreachable"
    """Not offered, because there is no usable session and no reply: that says nothing about the message."""


@dataclass(slots=True)
class Result:
    """The result of the parcel `key`: the reply's code, if there was one, and its text."""

    key: int
    outcome: Outcome
    code: int | None
    text: str
