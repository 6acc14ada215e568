"""Postmark: webhooks of bounces, spam complaints, deliveries and subscription changes.

Formats: its page "Webhook notifications" and the types of its official Node client (postmark.js).
Postmark signs nothing: the setting is a secret that is the password of basic authentication, or the end of the path.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from regulars.feedback.notification import Kind, Notification
from regulars.feedback.webhooks.provider_interface import (
    LONGEST_WORDS,
    NotGenuine,
    Provider,
    Received,
    WebhookRequest,
    bounce,
    instant,
    mapping,
    same,
    text,
)

_BOUNCES = {
    "HardBounce": Kind.HARD_BOUNCE,
    "BadEmailAddress": Kind.HARD_BOUNCE,
    "SpamComplaint": Kind.COMPLAINT,
    "Unsubscribe": Kind.UNSUBSCRIBE,
    "AutoResponder": Kind.AUTO_REPLY,
    "ChallengeVerification": Kind.AUTO_REPLY,
    "AddressChange": Kind.AUTO_REPLY,
    "Subscribe": Kind.OTHER,
    "OpenRelayTest": Kind.OTHER,
    "ManuallyDeactivated": Kind.OTHER,
    "Unconfirmed": Kind.OTHER,
    "TemplateRenderingFailed": Kind.OTHER,
    "InboundError": Kind.OTHER,
}
"""By Postmark's type; any other is a soft bounce."""
_SUPPRESSIONS = {
    "HardBounce": Kind.HARD_BOUNCE,
    "SpamComplaint": Kind.COMPLAINT,
    "ManualSuppression": Kind.UNSUBSCRIBE,
}


class Postmark(Provider):
    """Requests that carry the given secret."""

    name = "postmark"

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def read(self, request: WebhookRequest) -> Received:
        """Verifies the secret; a record that says nothing about delivery gives no notification."""
        if not (same(request.path_secret, self._secret) or same(_password(request.headers), self._secret)):
            raise NotGenuine("the secret is wrong")
        found = _notification(mapping(request.json()))
        return Received([found] if found else [])


def _password(headers: Mapping[str, str]) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _notification(record: Mapping[str, Any]) -> Notification | None:
    kind = text(record, "RecordType")
    words = text(record, "Details") or text(record, "Description")
    status: str | None = None
    match kind:
        case "Bounce":
            type_ = text(record, "Type")
            meaning = _BOUNCES.get(type_, Kind.SOFT_BOUNCE)
            _, reason, status = bounce(words, "", permanent=False)
        case "SpamComplaint":
            meaning, reason = Kind.COMPLAINT, "feedback"
        case "Delivery":
            meaning, reason = Kind.DELIVERED, "delivered"
        case "SubscriptionChange" if record.get("SuppressSending") is True:
            meaning, reason = _SUPPRESSIONS.get(text(record, "SuppressionReason"), Kind.UNSUBSCRIBE), "feedback"
        case _:
            return None
    at = next((text(record, name) for name in ("BouncedAt", "DeliveredAt", "ChangedAt") if text(record, name)), "")
    identity = text(record, "ID") or f"{text(record, 'MessageID')}:{text(record, 'Recipient')}:{at}"
    return Notification(
        meaning,
        instant(at),
        text(record, "Email") or text(record, "Recipient") or None,
        reason,
        status,
        words=words[:LONGEST_WORDS],
        provider_id=text(record, "MessageID") or None,
        event_id=f"postmark:{kind}:{identity}",
    )
