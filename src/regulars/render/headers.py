"""Header lines: folded, RFC 2047 encoded where needed, safe against injection.

The standard library drops the quotes of a long display name, which can change the addressee (cpython gh-80222); hence
this module. Lines end in CRLF and have at most 76 characters, unless a single address or URL is longer.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator, Sequence

from regulars.render.mailbox import Mailbox, clean

LINE = 76
_NAME_LIMIT = 320
"""Bytes of a whole address header beyond which the display name is dropped."""
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_FIELD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q = [chr(b) if b in _SAFE else "_" if b == 0x20 else f"={b:02X}" for b in range(256)]
_PAYLOAD = 63
_URL = re.compile(r"(?:https?://|mailto:)[!-;=?-~]+")


def one_line(text: str) -> str:
    """Text that fits a header: control characters become spaces, surrogates are removed."""
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).encode("utf-8", "ignore").decode().strip(" ")


def unstructured(field: str, text: str) -> str:
    """A header of free text, such as Subject."""
    text = one_line(text)
    if text.isascii() and "=?" not in text:
        folded = _fold(field, text)
        if folded is not None:
            return folded
    return f"{field}: " + "\r\n ".join(encoded_words(text, len(field) + 2)) + "\r\n"


def _fold(field: str, text: str) -> str | None:
    """The header folded at single spaces, or None if a word is too long or blanks would be lost."""
    if len(field) + 2 + len(text) <= LINE and "  " not in text:
        return f"{field}: {text}\r\n"
    if "  " in text:
        return None
    lines, line = [], f"{field}:"
    for word in text.split(" "):
        if len(word) >= LINE - 1:
            return None
        if len(line) + 1 + len(word) > LINE:
            lines.append(line)
            line = ""
        line += " " + word
    lines.append(line)
    return "\r\n".join(lines) + "\r\n" if not lines[0].endswith(":") else None


def encoded_words(text: str, used: int = 0) -> list[str]:
    """The text as RFC 2047 words: split between characters, each at most 75 long, the first shorter by `used`."""
    raw = text.encode()
    q_size = len(raw) + 2 * (len(raw.translate(None, _SAFE)) - raw.count(b" "))
    if q_size <= (len(raw) + 2) // 3 * 4:
        return list(_q_words(text, used))
    return list(_b_words(raw, used))


def _q_words(text: str, used: int) -> Iterator[str]:
    room = max(12, _PAYLOAD - used)
    word = ""
    for char in text:
        piece = "".join(map(_Q.__getitem__, char.encode()))
        if len(word) + len(piece) > room:
            yield f"=?utf-8?q?{word}?="
            word, room = "", _PAYLOAD
        word += piece
    yield f"=?utf-8?q?{word}?="


def _b_words(raw: bytes, used: int) -> Iterator[str]:
    at, room = 0, max(12, (_PAYLOAD - used) // 4 * 3)
    while at < len(raw):
        end = at + room
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # never inside a character
            end -= 1
        yield _b(raw[at:end])
        at, room = end, _PAYLOAD // 4 * 3


def _b(raw: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(raw, newline=False).decode()}?="


def mailboxes(field: str, boxes: Sequence[Mailbox]) -> str:
    """An address header. Names are dropped when the header with them would be too long."""
    line = f"{field}: " + ",\r\n ".join(_mailbox(b, len(field) + 2) for b in boxes) + "\r\n"
    if len(line.encode()) > _NAME_LIMIT * len(boxes):
        line = f"{field}: " + ",\r\n ".join(f"<{b.wire}>" for b in boxes) + "\r\n"
    return line


def _mailbox(box: Mailbox, used: int) -> str:
    name, address = clean(box.name), box.wire
    if not name:
        return address
    words = _name(name, used)
    last = words[-1].rsplit("\r\n", 1)[-1]
    gap = " " if len(last) + (used if len(words) == 1 else 1) + len(address) + 3 <= LINE else "\r\n "
    return "\r\n ".join(words) + f"{gap}<{address}>"


def _name(name: str, used: int) -> list[str]:
    if name.isascii() and "=?" not in name and len(name) + used + 2 <= LINE - 4:
        if _PHRASE.fullmatch(name):
            return [name]
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        if len(escaped) + used + 2 <= LINE:
            return [f'"{escaped}"']
    return encoded_words(name, used)


def urls(field: str, links: Sequence[str]) -> str:
    """A header of links in angle brackets, such as List-Unsubscribe. Raises ValueError for an invalid URL."""
    for link in links:
        if not _URL.fullmatch(link):
            raise ValueError(f"{link!r} cannot stand in a `{field}` header")
    return f"{field}: " + ",\r\n ".join(f"<{link}>" for link in links) + "\r\n"


def extra(field: str, text: str) -> str:
    """A header by name. Raises ValueError for an invalid name."""
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not a header name")
    return unstructured(field, text)


def parameter(name: str, value: str) -> str:
    """A MIME parameter: quoted when ASCII, else by RFC 2231."""
    value = one_line(value)
    if value.isascii():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"'
    coded = "".join(chr(b) if (chr(b).isalnum() and b < 128) or b in b"-._" else f"%{b:02X}" for b in value.encode())
    return f"{name}*=utf-8''{coded}"
