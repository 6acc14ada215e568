"""The MIME bytes of one message, assembled from a fixed frame and two bodies.

A body of ASCII lines is sent as 7bit: a quarter smaller than base64, and readable in its source. Any other is sent
in base64, which servers on the way do not change.

The bytes depend only on the letter: the boundary comes from the Message-ID, so the same letter gives the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from struct import Struct

from pybase64 import b64encode

from regulars.render.headers import extra, mailboxes, parameter, unstructured, urls
from regulars.render.mailbox import Mailbox

_MESSAGE_ID = re.compile(r"<[!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+@[A-Za-z0-9.\-]+>")
_MEDIA = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; [a-z]+=[A-Za-z0-9-]+)*")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OWN = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "reply-to",
        "sender",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "list-id",
        "auto-submitted",
        "feedback-id",
        "return-path",
        "received",
    ]
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attached file; `media_type` may carry parameters: `text/calendar; charset=utf-8; method=REQUEST`."""

    filename: str
    media_type: str
    content: bytes


@dataclass(slots=True)  # not frozen, like all objects made per email: frozen ones take three times as long
class Letter:
    """The complete content of a message. `date` is aware; `message_id` has its angle brackets."""

    sender: Mailbox
    to: Mailbox
    subject: str
    html: str
    text: str
    message_id: str
    date: datetime
    cc: tuple[Mailbox, ...] = ()
    reply_to: Mailbox | None = None
    unsubscribe_url: str | None = None
    unsubscribe_mailto: str | None = None
    list_id: str | None = None
    """`win-back.studio.example`: lets recipients filter; for marketing."""
    feedback_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    lined: bool = False
    """The caller's guarantee that all lines of the HTML are valid in a message; see `_sendable`."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """The envelope recipients, in SMTP form."""
        return (self.to.wire, *(box.wire for box in self.cc))

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address in it needs a server with SMTPUTF8."""
        if self.to.needs_smtputf8 or self.sender.needs_smtputf8:
            return True
        boxes = (*self.cc, self.reply_to) if self.reply_to else self.cc
        return any(box.needs_smtputf8 for box in boxes)


def assemble(letter: Letter) -> bytes:
    """The message as bytes with CRLF lines, none of which begins with a dot; ASCII unless it `needs_smtputf8`.

    Raises ValueError for invalid header values.
    """
    mark = blake2b(letter.message_id.encode(), digest_size=12).hexdigest()
    body = (
        f'Content-Type: multipart/alternative; boundary="alt_{mark}"\r\n\r\n'
        f"--alt_{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    ).encode()
    between = f"\r\n--alt_{mark}\r\nContent-Type: text/html; charset=utf-8\r\n".encode()
    head, end = _head(letter).encode(), f"\r\n--alt_{mark}--\r\n".encode()
    parts = (body, *_text(letter.text, mark), between, *_text(letter.html, mark, lined=letter.lined), end)
    if not letter.attachments:
        return b"".join((head, *parts))
    return head + _mixed(letter, b"".join(parts), mark)


def _head(letter: Letter) -> str:
    if not _MESSAGE_ID.fullmatch(letter.message_id):
        raise ValueError(f"{letter.message_id!r} is not a Message-ID")
    lines = [
        f"Date: {date_line(letter.date)}\r\nMessage-ID: {letter.message_id}\r\n",
        _from(letter.sender),
        mailboxes("To", (letter.to,)),
    ]
    if letter.cc:
        lines.append(mailboxes("Cc", letter.cc))
    if letter.reply_to:
        lines.append(mailboxes("Reply-To", (letter.reply_to,)))
    lines.append(unstructured("Subject", letter.subject))
    lines.extend(_list_headers(letter))
    for name, value in letter.headers:
        if name.lower() in _OWN:
            raise ValueError(f"the header `{name}` is set by the letter itself")
        lines.append(extra(name, value))
    lines.append("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n")
    return "".join(lines)


def _list_headers(letter: Letter) -> list[str]:
    lines = []
    links = [link for link in (letter.unsubscribe_url, letter.unsubscribe_mailto) if link]
    if links:
        lines.append(urls("List-Unsubscribe", links))
    if letter.unsubscribe_url:
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    if letter.list_id:
        lines.append(_list_id(letter.list_id))
    if letter.feedback_id:
        lines.append(unstructured("Feedback-ID", letter.feedback_id))
    return lines


@lru_cache(maxsize=256)
def _from(sender: Mailbox) -> str:
    return mailboxes("From", (sender,))


@lru_cache(maxsize=256)
def _list_id(name: str) -> str:
    return unstructured("List-ID", f"<{re.sub(r'[^A-Za-z0-9.-]', '-', name)}>")


_SEVEN_BIT = b"Content-Transfer-Encoding: 7bit\r\n\r\n"
_CODED = b"Content-Transfer-Encoding: base64\r\n\r\n"
LONGEST = 998
"""Characters of a line, its end apart (RFC 5322, 2.1.1)."""


def _text(text: str, mark: str, *, lined: bool = False) -> tuple[bytes, bytes]:
    """The encoding header, and the encoded text."""
    if text.isascii() and (lined or _sendable(text, mark)) and not _too_long(text):
        return _SEVEN_BIT, text.encode().replace(b"\n", b"\r\n")
    raw = text.encode("utf-8", "replace")
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
    return _CODED, _base64(raw.replace(b"\n", b"\r\n"))


def _sendable(text: str, mark: str) -> bool:
    """Whether ASCII arrives unchanged: no line has a meaning for SMTP, a mailbox file or the MIME frame."""
    return not (
        text.startswith((".", "From "))
        or "\n." in text
        or "\nFrom " in text
        or "\r" in text
        or "\0" in text
        or mark in text
    )


def _too_long(text: str) -> bool:
    """Whether a line is longer than `LONGEST`: searched in strides, each to the last break within reach."""
    begin, end = 0, len(text)
    while end - begin > LONGEST:
        found = text.rfind("\n", begin, begin + LONGEST + 1)
        if found < 0:
            return True
        begin = found + 1
    return False


def _base64(raw: bytes) -> bytes:
    coded = b64encode(raw)
    whole, rest = divmod(len(coded), 76)
    lines = b"\r\n".join(_lines(whole).unpack_from(coded))
    return b"%b\r\n%b" % (lines, coded[whole * 76 :]) if rest and whole else lines or coded


@lru_cache(maxsize=1024)
def _lines(count: int) -> Struct:
    """Cuts `count` lines at once: half the time of slicing them one by one."""
    return Struct("76s" * count)


def _mixed(letter: Letter, alternative: bytes, mark: str) -> bytes:
    parts = [f'Content-Type: multipart/mixed; boundary="mix_{mark}"\r\n\r\n--mix_{mark}\r\n'.encode(), alternative]
    for file in letter.attachments:
        if not _MEDIA.fullmatch(file.media_type):
            raise ValueError(f"{file.media_type!r} is not a media type")
        head = (
            f"\r\n--mix_{mark}\r\nContent-Type: {file.media_type};\r\n {parameter('name', file.filename)}\r\n"
            f"Content-Disposition: attachment;\r\n {parameter('filename', file.filename)}\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n"
        )
        parts += [head.encode(), _base64(file.content)]
    parts.append(f"\r\n--mix_{mark}--\r\n".encode())
    return b"".join(parts)


@lru_cache(maxsize=64)
def date_line(moment: datetime) -> str:
    """An aware instant as RFC 5322 writes it, in UTC; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a letter's date has a time zone")
    utc = moment.astimezone(UTC)
    return f"{_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year} {utc:%H:%M:%S} +0000"
