"""Parsing server replies from a byte stream, and sanitising their text.

No input makes the parser use more than a few kilobytes or pass on a control character.
"""

from __future__ import annotations

import re

GARBLED = 0
"""The code for input that is not an SMTP reply; everything after it is unreliable."""
_LONGEST_LINE = 8192
_MOST_LINES = 200
_LONGEST_TEXT = 500
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]{1,200}@[^\s<>\"'(),;:]{1,255}")
_CODES = {str(code).encode(): code for code in range(200, 600)}


def nameless(text: str) -> str:
    """The text without addresses, where it is told for other messages than the one that it was the reply to."""
    return _ADDRESS.sub("(address)", text)


class Replies:
    """Splits a byte stream into replies; feed it in pieces of any size."""

    __slots__ = ("_code", "_rest", "_text")

    def __init__(self) -> None:
        self._rest = b""
        self._code = b""
        self._text: list[bytes] = []

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The replies completed by `data`, as (code, text); lines of one reply are joined by a space."""
        if self._rest:
            data = self._rest + data
        lines = data.split(b"\n")
        self._rest = lines.pop()
        found: list[tuple[int, bytes]] = []
        for line in lines:
            mark = line[3:4]
            code = _CODES.get(line[:3], GARBLED)
            if code and not self._text and mark == b" " and len(line) < _LONGEST_LINE:
                found.append((code, line[4:]))  # nearly every reply has one line
                continue
            reply = self._slowly(line, mark, code)
            if reply is not None:
                found.append(reply)
        if len(self._rest) > _LONGEST_LINE:
            found.append((GARBLED, self._rest[:_LONGEST_TEXT]))
            self._rest = b""
        return found

    def _slowly(self, line: bytes, mark: bytes, code: int) -> tuple[int, bytes] | None:
        """A line of a multi-line reply, a bare code, or invalid input."""
        sound = code != GARBLED and mark in (b" ", b"-", b"\r", b"") and len(line) < _LONGEST_LINE
        if self._text and line[:3] != self._code:
            sound = False
        if not sound or len(self._text) >= _MOST_LINES:
            self._text = []
            return GARBLED, line[:_LONGEST_TEXT]
        self._text.append(line[4:].strip())
        self._code = line[:3]
        if mark == b"-":
            return None
        whole = b" ".join(self._text)
        self._text = []
        return code, whole


def clean(raw: bytes | str) -> str:
    """The reply text on one line, without control characters, at most 500 characters long."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    text = text.strip()
    if text.isprintable() and len(text) <= _LONGEST_TEXT:
        return text
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _LONGEST_TEXT]).split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
