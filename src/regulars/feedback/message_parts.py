"""The headers and the leaf parts of a message, from bytes that may be broken in any way.

Not `email.parser`: a returned message is often cut, mislabelled or hostile, and that parser takes a time that grows
with depth times lines. Here every step reads the bytes a fixed number of times, and what is beyond a limit is not read.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

MOST_BYTES = 2 * 1024 * 1024
"""Bytes of a message that are read."""
MOST_TEXT = 64 * 1024
"""Characters of a part that are read."""
_MOST_HEADERS, _MOST_HEADER_BYTES, _LONGEST_VALUE = 500, 128 * 1024, 4096
_MOST_PARTS, _DEEPEST = 50, 6

_NAME = re.compile(rb"([!-9;-~]{1,100})[ \t]{0,20}:")
_PARAMETER = re.compile(r";\s*([a-z0-9*-]{1,40})\s*=\s*(?:\"([^\"]{0,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_TAG, _BREAK, _BLANKS = (
    re.compile(r"<[^<>]*>"),
    re.compile(r"<(?:br|p|div|tr|li|h\d)\b[^<>]*>", re.IGNORECASE),
    " \t\r\n",
)
_STYLE = re.compile(r"<(style|script|head)\b.{0,20000}?</\1>", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(r"(?:utf-?8|us-ascii|iso-8859-\d+|windows-\d+|cp\d+|koi8-[ru]|iso-2022-(?:jp|kr)|euc-(?:jp|kr)"
                      r"|shift_?jis|gb2312|gbk|gb18030|big5)")  # fmt: skip
"""Others, such as punycode, take a time that is not proportional to the text."""


class Headers:
    """Header fields by lower-case name; a name may have several values, in their order."""

    __slots__ = ("_values",)

    def __init__(self, values: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in values:
            self._values.setdefault(name.lower(), []).append(value)

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def first(self, name: str) -> str:
        """The first value, words decoded (RFC 2047); empty if there is none."""
        values = self._values.get(name)
        return decoded_words(values[0]) if values else ""

    def all(self, name: str) -> list[str]:
        """Every value, as written."""
        return self._values.get(name, [])


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a message: its own headers, its lower-case content type, and its bytes before decoding."""

    headers: Headers
    type: str
    raw: bytes

    @property
    def text(self) -> str:
        """The decoded text, HTML without its tags, at most MOST_TEXT characters."""
        data = _transfer_decoded(self.raw, self.headers.first("content-transfer-encoding").lower())
        text = _charset_decoded(data[: 4 * MOST_TEXT], parameter(self.headers.first("content-type"), "charset"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")[: 4 * MOST_TEXT]
        return (without_tags(text) if self.type == "text/html" else text)[:MOST_TEXT]


def split_message(message: bytes) -> tuple[Headers, list[Part]]:
    """The message's headers and its leaves in order; a leaf `message/rfc822` or `message/…` is not opened."""
    data = message[:MOST_BYTES].lstrip(b"\r\n")
    if data.startswith((b"From ", b">From ")):  # as an mbox has it
        data = data.partition(b"\n")[2]
    headers, body = split_headers(data)
    return headers, list(_leaves(headers, body, 0, [_MOST_PARTS]))


def split_headers(data: bytes) -> tuple[Headers, bytes]:
    """The header fields at the beginning of `data`, and the rest."""
    values: list[tuple[str, str]] = []
    place = 0
    limit = min(len(data), _MOST_HEADER_BYTES)
    while place < limit and len(values) < _MOST_HEADERS:
        end = data.find(b"\n", place)
        end = len(data) if end < 0 else end
        line = data[place : min(end, place + _LONGEST_VALUE)].rstrip(b"\r")
        if not line.strip():
            place = end + 1
            break
        name = _NAME.match(line)
        if name and line[:1] not in b" \t":
            values.append((name[1].decode("ascii"), _utf8(line[name.end() :]).strip(_BLANKS)))
        elif values and (line[:1] in b" \t" or b"=" in line):  # folded; some servers forget the blank
            known, value = values[-1]
            if len(value) < _LONGEST_VALUE:
                values[-1] = known, f"{value} {_utf8(line).strip(_BLANKS)}"
        elif place:
            break
        place = end + 1
    return Headers(values), data[place:]


def parameter(value: str, name: str) -> str:
    """A parameter of a structured header, such as `charset`; empty without it."""
    found = (match for match in _PARAMETER.finditer(value[:_LONGEST_VALUE]) if match[1].lower() == name)
    match = next(found, None)
    return (match[2] or match[3] or "").strip() if match else ""


def decoded_words(value: str) -> str:
    """The value with RFC 2047 words decoded, as far as they can be."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value[:_LONGEST_VALUE])
    except (HeaderParseError, ValueError, binascii.Error):
        return value
    return "".join(_charset_decoded(p, c or "") if isinstance(p, bytes) else p for p, c in pieces)


def without_tags(text: str) -> str:
    """The text of HTML, roughly: enough to find sentences in it."""
    text = _STYLE.sub(" ", text) if text.count("<") < 20_000 else text
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))


def content_type(headers: Headers) -> str:
    """The lower-case content type; `text/plain` if there is none."""
    value = headers.first("content-type").partition(";")[0].strip().lower()
    return value if "/" in value else "text/plain"


def _leaves(headers: Headers, body: bytes, depth: int, left: list[int]) -> Iterator[Part]:
    kind = content_type(headers)
    pieces = (
        _pieces(body, parameter(headers.first("content-type"), "boundary")) if kind.startswith("multipart/") else []
    )
    if not pieces or depth >= _DEEPEST:
        left[0] -= 1
        yield Part(headers, "text/plain" if kind.startswith("multipart/") else kind, body)
        return
    for piece in pieces:
        if left[0] <= 0:
            return
        if piece.startswith((b"\n", b"\r\n")):
            yield from _leaves(Headers([]), piece, depth + 1, left)
        else:
            yield from _leaves(*split_headers(piece), depth + 1, left)


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """The parts between boundary lines; without a parameter the first line with two hyphens is taken for one."""
    mark = b"--" + boundary.encode("utf-8", "replace")
    if not boundary or mark not in body:
        found = re.search(rb"^--\S{4,80}(?=\s*$)", body[:20_000], re.MULTILINE)
        if not found:
            return []
        mark = found[0]
    pieces = (b"\n" + body).split(b"\n" + mark, _MOST_PARTS)[1:]
    found_pieces = []
    for piece in pieces:
        if piece.startswith(b"--"):
            break
        found_pieces.append(piece.partition(b"\n")[2])
    return found_pieces


def _transfer_decoded(raw: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        compact = re.sub(rb"[^A-Za-z0-9+/]", b"", raw[: 6 * MOST_TEXT])
        return binascii.a2b_base64(compact[: len(compact) // 4 * 4] + b"")
    return binascii.a2b_qp(raw[: 6 * MOST_TEXT]) if encoding == "quoted-printable" else raw


def _charset_decoded(data: bytes, charset: str) -> str:
    name = charset.strip().lower()
    if _CHARSET.fullmatch(name):
        try:
            return data.decode(name, "replace")
        except (LookupError, ValueError):
            pass
    return _utf8(data)


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
