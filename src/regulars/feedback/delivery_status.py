"""Delivery status notifications (RFC 3464): the fields of each recipient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from regulars.feedback.message_parts import Headers, split_headers

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_ADDRESS = re.compile(r"<?\"?([^\s<>,;:\"]{1,64}@[^\s<>,;:\"()\[\]]{1,255})")
_QUOTED = re.compile(r"<?(\"[^\"\s@]{1,64}\"@[^\s<>,;:()\[\]]{1,255})")
_FIELDS = re.compile(r"^(?:reporting-mta|final-recipient|original-recipient): ?\S", re.IGNORECASE | re.MULTILINE)
_JOINED = re.compile(r"^(diagnostic-code:[^\n]{0,1000}\n)((?:final|original)-recipient:)", re.IGNORECASE | re.MULTILINE)
"""Two recipients without the blank line between them."""
_FINAL = re.compile(r"^final-recipient:", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]{0,80}\n\s{0,80}")
_MOST_RECIPIENTS = 100


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What a report says about one recipient.

    `action` is that of RFC 3464 (failed, delayed, delivered, relayed, expanded), empty if it is not given. `words` are
    the server's, with its codes.
    """

    recipient: str | None
    action: str = ""
    status: str | None = None
    words: str = ""
    diagnostic_type: str = ""


def address_in(text: str) -> str | None:
    """The first address of a field or line, without angle brackets; None if there is none."""
    cut = text[:1000]
    if "@" not in cut:
        return None
    found = _QUOTED.search(cut) or _ADDRESS.search(cut)
    return found[1].strip(".'`*[]()") if found else None


def status_in(text: str) -> str | None:
    """The first enhanced status code (RFC 3463) in the text."""
    found = _STATUS.search(text)
    return found[1] if found else None


def statuses_in_text(text: str) -> list[RecipientStatus]:
    """Those of a report whose fields stand in its text, as some servers and forwarders write them."""
    start = _FIELDS.search(text)
    found = recipient_statuses(text[start.start() :]) if start else []
    return [one for one in found if one.recipient]


def recipient_statuses(fields: str) -> list[RecipientStatus]:
    """One for each recipient group of the text of a part `message/delivery-status`, in order."""
    found: list[RecipientStatus] = []
    for group in _groups(fields):
        one = _recipient_status(split_headers(group.encode("utf-8", "replace"))[0])
        if one is None:
            continue
        if found and one.recipient is not None and found[-1].recipient == one.recipient and not one.action:
            found[-1] = replace(found[-1], words=found[-1].words or one.words)
        else:
            found.append(one)
    return found[:_MOST_RECIPIENTS]


def _groups(fields: str) -> Iterator[str]:
    """The groups of fields, between blank lines; two recipients may stand in one without a blank line."""
    for group in _BLANK_LINE.split(fields.strip(), 2 * _MOST_RECIPIENTS)[: 2 * _MOST_RECIPIENTS]:
        if len(_FINAL.findall(group)) > 1:
            yield from _BLANK_LINE.split(_JOINED.sub(r"\1\n\n\2", group), _MOST_RECIPIENTS)[:_MOST_RECIPIENTS]
        else:
            yield group.lstrip()


def _recipient_status(headers: Headers) -> RecipientStatus | None:
    recipient = next(
        (
            a
            for name in ("original-recipient", "final-recipient", "x-actual-recipient")
            if (a := _recipient(headers, name))
        ),
        None,
    )
    action = re.split(r"[\s(;]", headers.first("action").strip().lower(), maxsplit=1)[0]
    if recipient is None and not action and "status" not in headers:
        return None
    kind, words = _diagnostic(headers)
    status, _, comment = headers.first("status").partition("(")
    return RecipientStatus(recipient, action, status_in(status), words or comment.rstrip(") "), kind)


def _recipient(headers: Headers, name: str) -> str | None:
    value = headers.first(name)
    kind, mark, address = value.partition(";")
    return address_in(address if mark and "@" not in kind else value)


def _diagnostic(headers: Headers) -> tuple[str, str]:
    """The type and text of the diagnostic codes; several are joined."""
    values = headers.all("diagnostic-code")
    kind, mark, words = (values[0] if values else "").partition(";")
    if not mark or " " in kind.strip():
        return "", " ".join(values).strip()
    return kind.strip().lower(), " ".join(
        [words.strip(), *(value.partition(";")[2].strip() for value in values[1:])]
    ).strip()
