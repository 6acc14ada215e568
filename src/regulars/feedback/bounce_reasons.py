"""Groups of causes, and whether a returned message says that its address is dead.

The names are those of `delivery.causes`, and three of what comes back without a bounce: `feedback`, `vacation`,
`delivered`.
"""

from __future__ import annotations

from regulars.feedback.notification import Kind

GROUPS: dict[str, tuple[str, ...]] = {
    "address": ("userunknown", "hostunknown", "hasmoved", "notaccept"),
    "mailbox": ("mailboxfull", "suspend", "filtered"),
    "content": ("spamdetected", "virusdetected", "contenterror", "exceedlimit", "notcompliantrfc"),
    "policy": (
        "rejected", "blocked", "badreputation", "authfailure", "requireptr", "securityerror", "norelaying",
        "toomanyconn", "speeding", "policyviolation",
    ),
    "system": ("expired", "networkerror", "systemerror", "systemfull", "mailererror", "syntaxerror"),
    "unknown": ("undefined", "onhold"),
    "answer": ("feedback", "vacation", "delivered"),
}  # fmt: skip
"""What the cause is about, and the causes."""
_GROUP_OF = {reason: group for group, reasons in GROUPS.items() for reason in reasons}

HARD = frozenset(GROUPS["address"])
"""Causes for which an address cannot be delivered to, now or later."""


def group_of(reason: str) -> str:
    """The group of a cause; `unknown` for any other text."""
    return _GROUP_OF.get(reason, "unknown")


def bounce_kind_of(reason: str, *, temporary: bool = False) -> Kind:
    """Hard or soft. `temporary`: the server gave a 4xx code, which never makes an address dead."""
    return Kind.HARD_BOUNCE if reason in HARD and not temporary else Kind.SOFT_BOUNCE
