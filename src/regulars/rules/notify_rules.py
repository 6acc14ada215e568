"""The section `notify`: which programs are told of what happens, and where.

It is the way out; the way in, by which shops and a CRM post to us, is the section `hooks` (`webhook_rules`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from regulars.core.diagnostics import did_you_mean
from regulars.rules.phrase_types import Name, Part
from regulars.rules.tree import Entries, Items, Loc, Scalar, child, find
from regulars.rules.validation_messages import ValidationMessages
from regulars.rules.webhook_rules import Variable

LONGEST_URL = 2_000
"""Maximum characters of an address."""


class OutboundEvent(StrEnum):
    """What other programs are told."""

    SENT = "email.sent"
    BOUNCED = "email.bounced"
    COMPLAINED = "email.complained"
    UNSUBSCRIBED = "customer.unsubscribed"
    ANSWERED = "customer.answered"
    REDEEMED = "coupon.redeemed"
    GOAL_REACHED = "goal.reached"
    STOPPED = "campaign.stopped"
    RESUMED = "campaign.resumed"
    ALERT_BEGAN = "alert.began"
    ALERT_ENDED = "alert.ended"


def _read_url(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if sound and not any((parts.username, parts.password, parts.fragment)) and len(text) <= LONGEST_URL:
        return text
    context = {"noun": "an address without a password in it,", "example": "https://crm.example/regulars", "said": ""}
    raise PydanticCustomError("phrase", "expected {noun} such as `{example}`", context)


_Url = Annotated[
    str,
    BeforeValidator(_read_url),
    WithJsonSchema(
        {"type": "string", "format": "uri", "description": "An address", "examples": ["https://crm.example/regulars"]}
    ),
]


class Notify(Part):
    """One program that is told of what happens, by signed messages to its address."""

    url: _Url = Field(description="Where the messages are posted; `http://` only within networks that are allowed")
    events: tuple[OutboundEvent, ...] = Field(default=(), description="What it is told; default: everything")
    campaigns: tuple[Name, ...] = Field(
        default=(), description="Only what concerns these campaigns, and what concerns none; default: all"
    )
    secret: Variable | None = Field(
        default=None,
        description="The environment variable with the secret, `whsec_…`, or two while it is replaced; default: the"
        " one that `regulars webhooks secret NAME` prints",
    )

    name: str = Field(default="", exclude=True, json_schema_extra={"regulars": "internal"})

    def wants(self, event: OutboundEvent, campaign: str | None) -> bool:
        """Whether it is told of the event; `campaign` is the name of the one that it concerns, None for none."""
        return event in (self.events or OutboundEvent) and (
            campaign is None or not self.campaigns or campaign in self.campaigns
        )


def check(root: Entries, messages: ValidationMessages, campaigns: Iterable[str]) -> None:
    """Checks that the campaigns of each program exist."""
    section = child(root, "notify")
    known = sorted(campaigns)
    for name in section.entries if isinstance(section, Entries) else ():
        loc: Loc = ("notify", name, "campaigns")
        listed = find(root, loc)
        for place, node in enumerate(listed.items if isinstance(listed, Items) else ()):
            if isinstance(node, Scalar) and not node.null and node.text not in known:
                messages.add(
                    "R049", f"there is no campaign `{node.text}`", (*loc, place),
                    expected="one of " + ", ".join(f"`{each}`" for each in known) if known else None,
                    hint=did_you_mean(node.text, known),
                )  # fmt: skip
