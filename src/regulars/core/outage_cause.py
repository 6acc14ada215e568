"""Why a mail server takes nothing: the cause that is stored and measured, and for people the words and what to do."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

_BY_ITSELF = "mail goes by itself once the server takes it again, `regulars retry` tries at once"

_TRUST = (
    "give the server a certificate for the name in its URL, or this machine that of the authority that signed it;"
    " `verify=off` in the URL accepts any"
)
_OFFER = (
    "switch TLS on at the server, or write `tls=tls` in its URL for a port with TLS from the first byte; `tls=none`"
    " lets everybody on the way read the messages"
)
_COMPARE = (
    "compare the port with `tls=` in its URL: mostly 465 has TLS from the first byte (`tls=tls`), and 587 STARTTLS"
    " (`tls=starttls`)"
)
_LOG_IN = "correct user and password in its URL, and restart the workers"


class OutageCause(StrEnum):
    """A cause; `words` complete "nothing is sent, for …", `advice` says what to do."""

    words: str
    advice: str

    def __new__(cls, value: str, words: str, advice: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words, member.advice = words, advice
        return member

    AWAY = ("away", "its mail server is away", _BY_ITSELF)
    """It cannot be reached, does not answer, or ends every session."""
    CERTIFICATE = ("certificate", "the certificate of its mail server is not trusted", f"{_TRUST}; {_BY_ITSELF}")
    NO_STARTTLS = ("no-starttls", "its mail server offers no STARTTLS", f"{_OFFER}; {_BY_ITSELF}")
    TLS = ("tls", "TLS with its mail server fails", f"{_COMPARE}; {_BY_ITSELF}")
    LOGIN = ("login", "its mail server refuses our login", f"{_LOG_IN}; {_BY_ITSELF}")


_CAUSES = {cause.value: cause for cause in OutageCause}


def stored_cause(value: str | None) -> OutageCause:
    """The cause of a stored value; AWAY for none, and for one of a later release."""
    return _CAUSES.get(value or "", OutageCause.AWAY)
