"""What is handed over, and what came of it: one Result for every Parcel, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(slots=True)  # not frozen, like all that is made for each email: that takes thrice as long
class Parcel:
    """One message, ready to go.

    `key` is the caller's own number. The first of `recipients` is whom the message is for, the others get
    a copy. `data` has CRLF line ends, ends with one, and is not dot-stuffed. `smtputf8` says that its headers
    hold raw UTF-8. `sender` is the envelope's, empty for the null sender. `plain` is the maker's word that `data` is
    ASCII, has CR and LF only as line ends, and no line that begins with a dot: then its bytes are not looked at again.
    """

    key: int
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    smtputf8: bool = False
    plain: bool = False


class Outcome(StrEnum):
    """What is known of a message after an attempt; UNKNOWN is the only doubt there is."""

    ACCEPTED = "accepted"
    """The server took it for the first recipient."""
    DEFERRED = "deferred"
    """Not now: a 4xx reply, or a server that refuses the session with a reply of its own."""
    REFUSED = "refused"
    """Never: a 5xx reply, or a message that may not be offered to this server."""
    UNKNOWN = "unknown"
    """The connection was lost after the body began and before the reply: it may have been accepted."""
    UNSENT = "unsent"
    """Not offered, or certainly not accepted: safe to send again."""
    UNREACHABLE = "unreachable"
    """Not offered, for the server gives no usable session and no reply: that says nothing of the message."""


@dataclass(slots=True)
class Result:
    """What came of the parcel `key`: the reply's code, if there was one, and the server's words."""

    key: int
    outcome: Outcome
    code: int | None
    text: str
