"""Which of our emails a report is about: the Message-ID, the recipient and the return path."""

from __future__ import annotations

import re
from dataclasses import dataclass

from regulars.feedback.bounce_text import copied_message
from regulars.feedback.delivery_status import address_in
from regulars.feedback.message_parts import Headers, Part, decoded_words, split_headers

_ID = re.compile(r"<\s*([^\s<>]{1,250}@[^\s<>]{1,250})\s*>")
_BARE_ID = re.compile(r"message-id:\s*<?([^\s<>]{1,250}@[^\s<>]{1,250})", re.IGNORECASE)
_RETURNED_TYPES = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "message/rfc822-headers",
)
_DELIVERED_TO = ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "x-rcpt-to", "to")
_MOST_IDS = 20


@dataclass(frozen=True, slots=True)
class Returned:
    """What identifies our email.

    `headers` are those of the returned copy, empty if none came back. `delivered_to` are the addresses to which the
    report itself was delivered, the most reliable first.
    """

    headers: Headers
    message_id: str | None
    delivered_to: tuple[str, ...]

    @property
    def return_path(self) -> str | None:
        """The local part of the address to which the report was delivered."""
        return local_part(self.delivered_to[0]) if self.delivered_to else None

    @property
    def recipient(self) -> str | None:
        """The one recipient of the returned copy; None if it is not told or there are several."""
        values = [value for name in ("x-envelope-to", "to") for value in self.headers.all(name)]
        addresses = {found for value in values if (found := address_in(decoded_words(value)))}
        return addresses.pop() if len(addresses) == 1 and not any("," in value for value in values) else None


def local_part(address: str) -> str:
    """The part before the last `@`, as written."""
    return address.rpartition("@")[0]


def returned_of(headers: Headers, parts: list[Part]) -> Returned:
    """What the report `headers` and `parts` tell of our email."""
    copy = _copy_headers(parts)
    delivered = [
        address
        for name in _DELIVERED_TO
        for value in headers.all(name)
        if (address := address_in(decoded_words(value)))
    ]
    return Returned(copy, _message_id(headers, copy, parts), tuple(dict.fromkeys(delivered)))


def _copy_headers(parts: list[Part]) -> Headers:
    for part in parts:
        if part.type in _RETURNED_TYPES:
            found = split_headers(part.raw.lstrip(b"\r\n"))[0]
            if "message-id" in found or "from" in found:
                return found
    for part in parts[1:]:  # as text, or without a type
        if part.type == "text/plain":
            found = split_headers(part.raw.lstrip(b"\r\n"))[0]
            if "message-id" in found and "from" in found:
                return found
    for part in parts[:2]:
        if part.type.startswith("text/"):
            found = split_headers(copied_message(part.text).encode("utf-8", "replace"))[0]
            if "message-id" in found or ("from" in found and "to" in found):
                return found
    return Headers([])


def _message_id(headers: Headers, copy: Headers, parts: list[Part]) -> str | None:
    """That of the copy; else the one it replies to; else one that the text names."""
    for value in (copy.first("message-id"), headers.first("in-reply-to"), *reversed(headers.all("references"))):
        found = _ID.findall(value)[:_MOST_IDS]
        if found:
            return str(found[-1])
    for part in parts:
        if part.type.startswith(("text/", "message/")):
            named = _BARE_ID.search(part.text)
            if named:
                return named[1]
    return None
