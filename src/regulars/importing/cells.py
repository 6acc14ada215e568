"""Cells of a file as values: text, addresses, yes and no, lists, JSON. Each reader refuses invalid values.

A reader is called only for a non-empty cell; from JSON Lines it can get any JSON value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from email_validator import EmailNotValidError, validate_email

from regulars.importing.refused import Refused
from regulars.render.mailbox import check_address

Reader = Callable[[Any], Any]
"""Converts a cell to a value, or raises Refused."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BREAK = re.compile(r"[\r\n\t]")
_PLAIN = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?!xn--)[A-Za-z]{2,63}",
)
_COUNT = re.compile(r"(?:[×*]\s*+|\s[xX]\s?)(\d{1,6})$")
"""The quantity after an article. The text before is not part of the pattern, which would backtrack over blanks."""

_NOTHING = frozenset({
    "", "#N/A", "#N/D", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#Н/Д",
    "NULL", "(null)", "<null>", "\\N",
})  # fmt: skip
"""What spreadsheets and databases write for a value that is missing."""
_AS_TEXT = re.compile(r"""="(.*)"|'([-+=@]?\d[\w.]*|[-+]?[\d\s().-]+)""", re.DOTALL)
"""A value marked as text for a spreadsheet: `="0700"`, `'7001`."""
FORMULA = "=+-@\t\r"
"""First characters of a cell that a spreadsheet executes as a formula."""
_SEVERAL = re.compile(r"[;,|\s/]+")

_DEEPEST = 20
"""Maximum nesting of lists and objects."""

_YES = frozenset({"yes", "y", "true", "t", "1", "on", "subscribed", "да", "так", "da", "jah", "oui", "ja", "sí", "tak"})
_NO = frozenset({"no", "n", "false", "f", "0", "off", "unsubscribed", "нет", "ні", "nu", "ei", "non", "nein", "nie"})


@dataclass(frozen=True, slots=True)
class Partly:
    """A value that holds only a part of its cell, and what is said about the rest."""

    value: Any
    warning: str


def without_marks(raw: str) -> str:
    """The cell without the marks of a spreadsheet; empty where it stands for a missing value."""
    if raw in _NOTHING:
        return ""
    if raw[0] == "'" and len(raw) > 1 and (raw[1] in FORMULA + "'" or raw[1:] in _NOTHING):
        return raw[1:]  # an export's guard against formulas; `marked` writes it
    if raw[0] in "='" and (marked := _AS_TEXT.fullmatch(raw)):
        return marked[1] if marked[2] is None else marked[2]
    return raw


def marked(value: str) -> str:
    """The cell that no spreadsheet takes for a formula, and that is read as exactly this text."""
    return f"'{value}" if value and (value[0] in FORMULA or without_marks(value) != value) else value


def text(limit: int = 200) -> Reader:
    """A reader of one line of text, stripped; None when empty."""

    def read(raw: Any) -> str | None:
        value = plain(raw).strip()
        if _BREAK.search(value):
            raise Refused("goes over several lines", "is there a quotation mark that is not closed?")
        if len(value) > limit:
            raise Refused(f"is {len(value):,} characters long; at most {limit:,} are kept")
        return value or None

    return read


def plain(raw: Any) -> str:
    """The cell as text without invalid characters; line breaks and tabs are allowed."""
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        raise Refused("is not text", "expected a text or a number")
    value = raw if isinstance(raw, str) else str(raw)
    found = _CONTROL.search(value)
    if found is None:
        return value
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        raise Refused(
            f"has the byte 0x{code - 0xDC00:02X}, which is not UTF-8",
            "save the file as UTF-8, or name its encoding, e.g. `--encoding cp1252`",
        )
    name = "a NUL character" if code == 0 else f"the control character U+{code:04X}"
    raise Refused(f"holds {name}")


_line = text(254)


def email(raw: Any) -> str | None:
    """An email address, checked by its form only: the domain in lower case, the local part as it is.

    Addresses in any script are valid (RFC 6531).
    """
    value: str | None = _line(raw)
    if value is None:
        return None
    if _PLAIN.fullmatch(value):
        local, _, domain = value.rpartition("@")
        return f"{local}@{domain.lower()}"
    try:
        found = str(validate_email(value, check_deliverability=False, test_environment=True, strict=True).normalized)
    except EmailNotValidError as error:
        raise Refused(f"is not an e-mail address: {_first_sentence(error)}", _email_hint(value)) from None
    try:
        check_address(found)  # an accepted address can be sent to
    except ValueError:
        raise Refused("is not an e-mail address: it has signs that are neither letters nor digits") from None
    return found


def first_email(raw: Any) -> str | Partly | None:
    """An email address; of several in one cell the first valid one."""
    try:
        return email(raw)
    except Refused:
        parts = [part.strip("<>\"'()") for part in _SEVERAL.split(plain(raw)) if "@" in part]
        for part in parts if len(parts) > 1 else ():
            try:
                return Partly(email(part), "has several addresses; the first valid one is used")
            except Refused:
                continue
        raise


def _first_sentence(error: Exception) -> str:
    sentence = str(error).split(". ", maxsplit=1)[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def _email_hint(value: str) -> str | None:
    if value.count("@") > 1:
        return "one address to a row"
    if "<" in value:
        return "only the address: the name goes into a column of its own"
    return "a comma where a dot should be?" if "," in value else None


def yes_or_no(raw: Any) -> bool | None:
    """True or false from `yes`, `no`, `1`, `0`, `да`, `nu` and their like."""
    if isinstance(raw, bool):
        return raw
    value = plain(raw).strip().casefold()
    if value in _YES:
        return True
    if value in _NO:
        return False
    if not value:
        return None
    raise Refused("is neither yes nor no", "write `yes` or `no`")


def url(raw: Any) -> str | None:
    """A web address, http or https."""
    value: str | None = text(2_000)(raw)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        raise Refused("is not a web address") from None
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc or " " in value:
        raise Refused("is not a web address", "expected one that begins with `https://`")
    return value


def choices(raw: Any) -> list[Any]:
    """A list: from JSON unchanged, from text split at `;` unless it is a JSON list. A single `-` is the empty list."""
    if isinstance(raw, list):
        return [clean(item) for item in raw]
    if isinstance(raw, str) and raw[:1] == "[" and (stated := _json_list(raw)) is not None:
        return choices(stated)
    parts = [part.strip() for part in plain(raw).split(";")]
    return [] if parts == ["-"] else [part for part in parts if part]


def _json_list(raw: str) -> list[Any] | None:
    try:
        found = orjson.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def pieces(raw: Any) -> list[dict[str, Any]]:
    """Bought products: `mower; oil×2`, or from JSON a list of skus or of {sku, quantity, name, amount, price}."""
    found = []
    for item in choices(raw):
        if isinstance(item, dict) and (item.get("sku") or item.get("name")):
            found.append(item if item.get("sku") else item | {"sku": item["name"]})
            continue
        if not isinstance(item, str):
            raise Refused("has a product without a `sku` or a `name`")
        several = _COUNT.search(item, 1)
        sku = item[: several.start()].rstrip() if several else ""
        found.append({"sku": sku, "quantity": int(several[1])} if several and sku else {"sku": item})
    return found


def data(raw: Any) -> dict[str, Any]:
    """A JSON object, from JSON Lines unchanged and from CSV as its text; at most 64 kB."""
    value = raw
    if isinstance(raw, str):
        try:
            value = orjson.loads(raw)
        except ValueError as error:
            raise Refused(f"is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refused("is not a JSON object", 'expected one such as `{"topic": "Spring service"}`')
    cleaned = clean(value)
    assert isinstance(cleaned, dict)
    if len(orjson.dumps(cleaned)) > 65_536:
        raise Refused("is longer than 64 kB")
    return cleaned


def clean(value: Any, depth: int = 0) -> Any:
    """A JSON value in which every text, including keys, was checked by `plain`."""
    if depth > _DEEPEST:
        raise Refused(f"is nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {plain(key): clean(item, depth + 1) for key, item in value.items()}
    return value
