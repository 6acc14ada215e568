"""A mailbox in text form: `Ana <ana@studio.example>`, or the address alone."""

from __future__ import annotations

import re

_MAILBOX = re.compile(r"^\s*(?P<name>.*?)\s*<\s*(?P<address>[^<>]*?)\s*>\s*$")


def split(text: str) -> tuple[str, str]:
    """The display name, which may be empty, and the address. Raises ValueError for an invalid address."""
    from email_validator import EmailNotValidError, validate_email

    if any(not c.isprintable() for c in text):
        raise ValueError("a mailbox is one line of text")
    found = _MAILBOX.match(text)
    name, address = (found["name"], found["address"]) if found else ("", text.strip())
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        reason = re.sub(r"\s+", " ", str(error)).strip()
        raise ValueError(f"`{address}` is not an email address: {reason[:1].lower()}{reason[1:]}") from None
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return name, checked.normalized
