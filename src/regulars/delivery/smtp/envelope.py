"""A parcel being sent: the commands of its envelope for one server, and the server's replies so far.

Unsafe values are refused here, before a byte is written: an address or a body that could be interpreted as
commands is never sent.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import lru_cache

from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.smtp.replies import clean

_ADDRESS = re.compile(r"[^\s\x00-\x20\x7f-\xa0<>]+@[^\s\x00-\x20\x7f-\xa0<>@]+")
NOT_AN_ADDRESS = "not an address one may send to"
"""The prefix of a refusal of a recipient without a server reply."""
_LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3, without the brackets


@dataclass(frozen=True, slots=True)
class Server:
    """The extensions of one server's EHLO. `size` is the maximum message size, 0 if not stated; `name` host:port."""

    pipelining: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    declares_size: bool = False
    size: int = 0
    name: str = ""


class Envelope:
    """One parcel with its place in the batch and the state of its transaction."""

    __slots__ = ("answered", "go", "index", "offers", "parcel", "position", "refused", "taken", "verdict", "written_at")

    def __init__(self, index: int, parcel: Parcel) -> None:
        self.index = index
        self.parcel = parcel
        self.offers = 0
        self.start()

    def start(self) -> None:
        """Resets the state of an earlier attempt."""
        self.position = 0
        self.answered = 0
        self.taken = 0
        self.written_at = 0.0
        self.refused: list[str] | None = None
        self.verdict: Result | None = None
        self.go = False

    def commands(self, server: Server) -> list[bytes]:
        """MAIL, each RCPT and DATA, each with its line end."""
        parcel = self.parcel
        mail = f"MAIL FROM:<{parcel.sender}>"
        if server.declares_size:
            mail += f" SIZE={len(parcel.data)}"
        if server.eight_bit and not _seven_bit(parcel):
            mail += " BODY=8BITMIME"
        if needs_smtputf8(parcel):
            mail += " SMTPUTF8"
        found = [f"{mail}\r\n".encode()]
        found += [f"RCPT TO:<{recipient}>\r\n".encode() for recipient in parcel.recipients]
        found.append(b"DATA\r\n")
        return found

    def body(self) -> bytes:
        """The dot-stuffed data, without the final dot."""
        data = self.parcel.data
        if self.parcel.plain:
            return data
        if data.startswith(b"."):
            data = b"." + data
        return data.replace(b"\r\n.", b"\r\n..")

    def answer_recipient(self, code: int, text: bytes) -> None:
        """Records the reply to the next RCPT. If the first recipient is refused, the message is sent to nobody."""
        place = self.answered
        self.answered += 1
        if code < 300:
            self.taken += 1
        elif place == 0:
            self.judge(code, text)
        elif self.verdict is None:
            self.refused = self.refused or []
            self.refused.append(f"{self.parcel.recipients[place]} ({code} {clean(text)})")

    def judge(self, code: int, text: bytes) -> None:
        """Records the deciding reply, unless an earlier one has decided."""
        if self.verdict is None:
            self.verdict = self.result(code, text)

    def result(self, code: int, text: bytes) -> Result:
        """The result of a reply for the parcel."""
        outcome = Outcome.ACCEPTED if code < 300 else Outcome.DEFERRED if code < 500 else Outcome.REFUSED
        words = clean(text)
        if self.refused:
            words = clean(f"{words}; not taken for {', '.join(self.refused)}")
        return Result(self.parcel.key, outcome, code, words)

    def ended(self, outcome: Outcome, why: str, code: int | None = None) -> Result:
        """A result without a reply to this message."""
        return Result(self.parcel.key, outcome, code, why)


def needs_smtputf8(parcel: Parcel) -> bool:
    """Whether the parcel needs a server with SMTPUTF8 (RFC 6531)."""
    return parcel.smtputf8 or not (parcel.sender.isascii() and all(map(str.isascii, parcel.recipients)))


def invalid(parcel: Parcel) -> str | None:
    """Why the parcel must not be offered to any server, or None."""
    if not parcel.recipients:
        return "it has no recipient"
    if parcel.sender and not _valid_sender(parcel.sender):
        return f"not an address one may send from: {clean(ascii(parcel.sender))}"
    for recipient in parcel.recipients:
        if not _valid(recipient):
            return f"{NOT_AN_ADDRESS}: {clean(ascii(recipient))}"
    return None if parcel.plain or _valid_lines(parcel.data) else "its lines do not all end with CRLF"


def unsupported(parcel: Parcel, server: Server) -> str | None:
    """Why the parcel must not be offered to this server, or None."""
    if server.size and len(parcel.data) > server.size:
        return f"the message has {len(parcel.data)} bytes and the server takes {server.size}"
    if not server.smtputf8 and needs_smtputf8(parcel):
        return "it needs SMTPUTF8, which the server does not offer"
    if not server.eight_bit and not _seven_bit(parcel):
        return "it has 8-bit lines, and the server does not offer 8BITMIME"
    return None


def _seven_bit(parcel: Parcel) -> bool:
    return parcel.plain or parcel.data.isascii()


def _valid_lines(data: bytes) -> bool:
    """Whether every line ends with CRLF, and CR and LF occur nowhere else.

    A lone LF before a dot ends the message for some servers: what follows would be read as commands. The
    decoder records the line ends it has seen, four times faster than counting them.
    """
    decoder = io.IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(data.decode("latin-1"), final=True)
    return decoder.newlines == "\r\n" and data.endswith(b"\r\n")


@lru_cache(maxsize=64)
def _valid_sender(address: str) -> bool:
    return _valid(address)


def _valid(address: str) -> bool:
    if len(address) > _LONGEST_ADDRESS or _ADDRESS.fullmatch(address) is None:
        return False
    try:
        address.encode()
    except UnicodeEncodeError:  # an unpaired surrogate: not valid text
        return False
    return True
