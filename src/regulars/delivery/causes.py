"""Why a mail server refused a message: one name of a fixed list, from its reply's codes and words.

The names are those of the Sisimai library's reasons, which other tools know too. Codes are RFC 3463's and those of the
IANA registry "SMTP Enhanced Status Codes". Words come first where servers use a code for anything (`5.0.0`, `5.7.1`); a
few exact codes come before the words.
"""

from __future__ import annotations

import re
from functools import cache

from regulars.delivery.cause_words import CAUSE_WORDS, GENERIC, patterns_of

UNDEFINED = "undefined"
_LONGEST = 3000
"""Characters of a reply that are read."""
_BY_STATUS = {
    "1.0": "userunknown", "1.1": "userunknown", "1.2": "hostunknown", "1.3": "userunknown", "1.4": "filtered",
    "1.6": "hasmoved", "1.7": "rejected", "1.8": "rejected", "1.9": "systemerror", "1.10": "notaccept",
    "2.0": "filtered", "2.1": "suspend", "2.2": "mailboxfull", "2.3": "exceedlimit", "2.4": "filtered",
    "3.0": "systemerror", "3.1": "systemfull", "3.2": "notaccept", "3.3": "systemerror", "3.4": "exceedlimit",
    "3.5": "systemerror",
    "4.0": "networkerror", "4.1": "expired", "4.2": "expired", "4.3": "systemerror", "4.4": "hostunknown",
    "4.5": "systemerror", "4.6": "networkerror", "4.7": "expired",
    "5.1": "syntaxerror", "5.2": "syntaxerror", "5.3": "speeding", "5.4": "syntaxerror", "5.5": "syntaxerror",
    "7.0": "securityerror", "7.1": "rejected", "7.2": "rejected", "7.3": "securityerror", "7.4": "securityerror",
    "7.5": "securityerror", "7.6": "securityerror", "7.7": "securityerror", "7.8": "securityerror",
    "7.9": "securityerror",
    "7.13": "suspend", "7.17": "hasmoved",
    "7.20": "authfailure", "7.21": "authfailure", "7.22": "authfailure", "7.23": "authfailure", "7.24": "authfailure",
    "7.25": "requireptr", "7.26": "authfailure", "7.27": "rejected", "7.28": "speeding", "7.29": "authfailure",
}  # fmt: skip
"""By subject and detail of the enhanced code."""
_EXACT = frozenset({"1.6", "1.7", "1.8", "1.10", "2.2", "2.3", "7.13", "7.17", "7.20", "7.22", "7.23", "7.25", "7.26"})
"""Those that are taken before the words."""
_ADDRESS_CODES = frozenset({"1.1", "1.2", "1.3"})
"""Those with which words of policy are still about the address: servers write `5.1.1 … rejected`."""
_TRUSTED = frozenset({"1.1", "1.2", "1.3", "3.1", "3.4", "4.6"})
_ABOUT_ADDRESS = frozenset({"userunknown", "hostunknown", "hasmoved", "notaccept"})
_SENDER = re.compile(
    r"\bsender|\bmail from\b|\breturn[- ]path|\benvelope from|\bfrom (?:address|domain|field|header)|\boriginator"
)
_RECIPIENT = re.compile(r"\brecipient|\brcpt\b|\baddressee|\bmailbox")
_NOT_POLICY = {
    "userunknown": "filtered",
    "hasmoved": "filtered",
    "hostunknown": "rejected",
    "contenterror": "policyviolation",
}
"""Causes by words that a code of policy (x.7.x) contradicts, and what is meant then."""
_WEAK = frozenset(
    {*GENERIC, "rejected", "blocked", "systemerror", "expired", "policyviolation", "suspend", "securityerror"}
)
_CODES_WITHIN = re.compile(r"(?<=.) [245]\d\d[ -][245]\.\d{1,3}\.\d{1,3} ")
"""The codes of further lines of a reply, within a sentence."""
_LINK = re.compile(r"https?://[^\s<>\"]{1,500}")
_ADDRESS = re.compile(r"(?<![^\s<>\"'(),;:])[^\s<>\"'(),;:@]{1,64}@[^\s<>\"'(),;:@]{1,255}")


def cause(words: str, status: str | None = None) -> str:
    """The cause; `undefined` if neither the code nor the words say one.

    `status` is the enhanced code (RFC 3463), such as `5.1.1`.
    """
    detail = (status or "").partition(".")[2]
    if detail in _EXACT:
        return _BY_STATUS[detail]
    found = cause_of_words(words)
    if detail in _ADDRESS_CODES and (found is None or found in _WEAK):
        return _BY_STATUS[detail]
    if detail.startswith("7.") and found in _NOT_POLICY:
        return _NOT_POLICY[found]
    if found == "hostunknown" and (status or "").startswith("4."):
        return "networkerror"  # a name server that may answer later
    if found in GENERIC:
        if detail == "4.1" and (status or "").startswith("5."):
            # Exchange Online, where its directory does not list the recipient; else of a host.
            return "userunknown" if "address rejected: access denied" in words.lower() else "rejected"
        by_status = cause_of_status(status)
        return GENERIC[found] if by_status == UNDEFINED else by_status
    return found or cause_of_status(status)


def is_exact(status: str | None) -> bool:
    """Whether an enhanced code alone says the cause well: its subject is address, mailbox, size or content."""
    detail = (status or "").partition(".")[2]
    return detail in _EXACT or detail in _TRUSTED or detail.startswith("6.")


def cause_of_status(status: str | None) -> str:
    """The cause that an enhanced code alone says, often `undefined`."""
    detail = (status or "").partition(".")[2]
    return _BY_STATUS.get(detail, "contenterror" if detail.startswith("6.") else UNDEFINED)


def cause_of_words(words: str) -> str | None:
    """The cause that a reply's words say; None if they say none."""
    text = " ".join(words[:_LONGEST].split()).lower()
    text = _ADDRESS.sub("@", _LINK.sub("", _CODES_WITHIN.sub(" ", text)))  # an address or a link may hold any word
    found = next((name for name, pattern in _patterns() if pattern.search(text)), None)
    if found in _ABOUT_ADDRESS and _SENDER.search(text) and not _RECIPIENT.search(text):
        return "rejected"  # the unknown address or domain is our own: a mistake there must not end our clients'
    return found


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The words of each cause as one pattern; compiled when first needed, which takes 30 ms."""
    joined = ((name, "|".join(f"(?:{words})" for words in patterns_of(block))) for name, block in CAUSE_WORDS)
    return tuple((name, re.compile(pattern)) for name, pattern in joined)
