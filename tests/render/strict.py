"""A strict reader of RFC 5322 mail, written from the grammar alone and knowing nothing of our assembler.

It refuses what lenient parsers repair: bare CR or LF, overlong lines, unknown characters, a second addressee.
"""

from __future__ import annotations

import base64
import quopri
import re

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
ATOM = rf"{ATEXT}+"
WORD = rf'(?:{ATOM}|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")'
DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
ADDRESS = rf"{ATOM}(?:\.{ATOM})*@{DOMAIN}"
MAILBOX = re.compile(rf"(?:(?P<phrase>{WORD}(?: +{WORD})*) +)?<(?P<angle>{ADDRESS})>|(?P<bare>{ADDRESS})")
ENCODED = re.compile(r"=\?utf-8\?([qb])\?([!-<>@-~=]*)\?=")


def split(message: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """The unfolded headers in order, and the body."""
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message), "bare CR or LF"
    head, _, body = message.partition(b"\r\n\r\n")
    fields: list[tuple[str, str]] = []
    for line in head.decode("ascii").split("\r\n"):
        assert len(line) <= 998, "line too long for SMTP"
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line), "control character"
        if line[0] in " \t":
            assert line.strip(), "a folded line of blanks"
            name, value = fields[-1]
            fields[-1] = (name, value + line)
        else:
            name, colon, value = line.partition(":")
            assert colon
            assert re.fullmatch(r"[!-9;-~]+", name)
            fields.append((name, value.removeprefix(" ")))
    return fields, body


def addressees(value: str) -> list[tuple[str, str]]:
    """The (display name, address) pairs of an address header; nothing may be left over."""
    boxes, at = [], 0
    while at < len(value):
        found = MAILBOX.match(value, at)
        assert found, f"not a mailbox: {value[at:]!r}"
        phrase = found["phrase"] or ""
        if phrase.startswith('"'):
            phrase = re.sub(r"\\(.)", r"\1", phrase[1:-1])
        boxes.append((decode(phrase), found["angle"] or found["bare"]))
        at = found.end()
        if at < len(value):
            comma = re.compile(r", *").match(value, at)
            assert comma, f"left over: {value[at:]!r}"
            at = comma.end()
    return boxes


def decode(value: str) -> str:
    """RFC 2047: encoded words become text; blanks between two of them vanish."""
    raw = re.sub(r"(?<=\?=) +(?==\?)", "", value)
    out, at = [], 0
    for found in ENCODED.finditer(raw):
        assert len(found[0]) <= 75, "encoded word too long"
        out.append(raw[at : found.start()])
        coded = found[2].encode()
        content = base64.b64decode(coded, validate=True) if found[1] == "b" else quopri.decodestring(coded, header=True)
        out.append(content.decode())  # a word that ends inside a character does not decode
        at = found.end()
    return "".join([*out, raw[at:]])
