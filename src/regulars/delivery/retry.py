"""Retry policy: whether and when to retry a message, and whether the address is invalid.

The classes are RFC 5321's reply codes and RFC 3463's status codes, which servers put at the front of their
reply text. An address counts as invalid only where the reply is about the address itself: a refusal for
policy or content says nothing about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from regulars.delivery.causes import cause_of_words
from regulars.delivery.parcel import Outcome, Result
from regulars.delivery.smtp.envelope import NOT_AN_ADDRESS

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=4)
"""No retry comes sooner or later than this."""
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")


@dataclass(frozen=True, slots=True)
class Wait:
    """The wait before the second attempt, and why it is that long; it doubles with each further one."""

    base: timedelta
    why: str


_SOON = Wait(timedelta(seconds=90), "the server could not be reached, or the message was never offered")
_BY_STATUS = {
    "4.2.2": Wait(timedelta(hours=1), "the mailbox is full: its owner must act"),
    "5.2.2": Wait(timedelta(hours=1), "the mailbox is full, whatever the server calls it"),
    "4.7.1": Wait(timedelta(minutes=10), "greylisted or held back by policy: too early annoys"),
    "4.4.5": Wait(timedelta(minutes=10), "congestion"),
    "4.3.2": Wait(timedelta(minutes=10), "the server is not accepting mail at present"),
}
_BY_CODE = {
    421: Wait(timedelta(minutes=5), "the server closes sessions: busy, or limiting us"),
    432: Wait(timedelta(minutes=15), "too many at once, or a password must be changed"),
    450: Wait(timedelta(minutes=5), "the mailbox is busy, or greylisting, which lifts after five minutes"),
    451: Wait(timedelta(minutes=3), "an error on the server's side, mostly brief"),
    452: Wait(timedelta(minutes=15), "the server lacks space"),
    454: Wait(timedelta(minutes=5), "TLS or login is not available at present"),
}
_OTHER_4XX = Wait(timedelta(minutes=5), "any other 4xx")
_OURS = Wait(timedelta(minutes=15), "the server wants something of us (login, TLS): an operator must act")


def status(result: Result) -> str | None:
    """The RFC 3463 status at the front of the reply text, such as `5.1.1`; None without one."""
    found = _STATUS.match(result.text)
    return found[1] if found and result.code is not None else None


def wait(result: Result) -> Wait:
    """The first retry interval for this kind of failure."""
    if result.code is None or result.outcome is Outcome.UNSENT:
        return _SOON
    by_status = _BY_STATUS.get(status(result) or "")
    if by_status is not None:
        return by_status
    if result.code >= 500:
        return _OURS
    return _BY_CODE.get(result.code, _OTHER_4XX)


def next_attempt(result: Result, attempts: int, now: datetime, jitter: float) -> datetime:
    """When to retry after `attempts` attempts (1 or more), the last of which gave `result`.

    The wait doubles each time, up to four hours. `jitter` in [0, 1) spreads messages that failed together over
    the last third of it, so that they are not retried together.
    """
    doublings = min(max(attempts, 1) - 1, 20)
    full = min(wait(result).base * (1 << doublings), LONGEST)
    return now + max(SHORTEST, full * (0.7 + 0.3 * jitter))


def permanent(result: Result) -> bool:
    """Whether a retry is pointless. A full mailbox is retried, even if the server calls it permanent."""
    return result.outcome is Outcome.REFUSED and status(result) != "5.2.2"


class BounceKind(StrEnum):
    """The cause of a refusal. Only ADDRESS may suppress the address."""

    ADDRESS = "address"
    """The mailbox or its domain does not exist, or no longer accepts mail."""
    MAILBOX = "mailbox"
    """It exists but cannot accept this now: full."""
    POLICY = "policy"
    """We, our server or our reputation are not welcome."""
    CONTENT = "content"
    """This message was refused: too large, or classified as spam or a virus."""
    SENDER = "sender"
    """Our own address, login or protocol is at fault."""
    UNCLEAR = "unclear"
    """The reply is not specific enough."""


_KINDS = {
    "5.1.0": BounceKind.UNCLEAR,  # "other address status": some servers use it for the sender
    "5.1.1": BounceKind.ADDRESS,  # no such mailbox
    "5.1.2": BounceKind.ADDRESS,  # no such domain
    "5.1.3": BounceKind.ADDRESS,  # not an address
    "5.1.4": BounceKind.UNCLEAR,  # ambiguous
    "5.1.6": BounceKind.ADDRESS,  # moved, no forwarding
    "5.1.7": BounceKind.SENDER,
    "5.1.8": BounceKind.SENDER,
    "5.1.10": BounceKind.ADDRESS,  # the domain has a null MX (RFC 7505)
    "5.2.0": BounceKind.UNCLEAR,
    "5.2.1": BounceKind.ADDRESS,  # disabled
    "5.2.2": BounceKind.MAILBOX,
    "5.2.3": BounceKind.CONTENT,  # too large for this mailbox
    "5.3.4": BounceKind.CONTENT,  # too large for the server
    "5.4.4": BounceKind.UNCLEAR,  # no route: mostly a domain's DNS, sometimes only for an hour
    "5.7.27": BounceKind.SENDER,  # our domain has a null MX
}
_KINDS_BY_SUBJECT = {
    "5.3": BounceKind.UNCLEAR,
    "5.5": BounceKind.SENDER,
    "5.6": BounceKind.CONTENT,
    "5.7": BounceKind.POLICY,
}
_POLICY_WORDS = re.compile(
    r"spam|black ?list|block|reputation|policy|dnsbl|rbl|spf|dkim|dmarc|relay|https?:", re.IGNORECASE
)


def bounce_kind(result: Result) -> BounceKind | None:
    """The cause of a refusal; None for other results. In doubt it is UNCLEAR, never ADDRESS."""
    if result.outcome is not Outcome.REFUSED:
        return None
    if result.code is None:  # refused here, before sending
        return BounceKind.ADDRESS if result.text.startswith(NOT_AN_ADDRESS) else BounceKind.CONTENT
    code = status(result)
    if code is not None:
        return _KINDS.get(code) or _KINDS_BY_SUBJECT.get(code.rpartition(".")[0], BounceKind.UNCLEAR)
    if result.code in {550, 551, 553} and not _POLICY_WORDS.search(result.text):
        by_words = cause_of_words(result.text)  # a reply to RCPT or DATA of this very session
        if by_words in {"userunknown", "hasmoved"}:
            return BounceKind.ADDRESS
    return BounceKind.SENDER if result.code in {500, 501, 502, 503, 504, 530, 555} else BounceKind.UNCLEAR
