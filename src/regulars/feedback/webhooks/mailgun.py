"""Mailgun: webhooks of messages.

Formats: "Webhooks" and "Webhook Payloads" of its user manual. The setting is the HTTP webhook signing key: the
signature in the body is the HMAC-SHA256 of timestamp and token, so it does not cover the event; HTTPS has to.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
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
    message_id,
    require_recent,
    same,
    text,
)

WINDOW = timedelta(hours=9)
"""Mailgun repeats a request for eight hours."""
_SUPPRESSED = {
    "suppress-bounce": Kind.HARD_BOUNCE,
    "suppress-complaint": Kind.COMPLAINT,
    "suppress-unsubscribe": Kind.UNSUBSCRIBE,
}
"""Why Mailgun did not try: what it knows of the address from before."""


class Mailgun(Provider):
    """Requests that are signed with the given key."""

    name = "mailgun"

    def __init__(self, signing_key: str) -> None:
        self._key = signing_key.encode()

    def read(self, request: WebhookRequest) -> Received:
        """Verifies time and signature; an event that says nothing about delivery gives no notification."""
        body = mapping(request.json())
        signature = mapping(body.get("signature"))
        stamp, token = text(signature, "timestamp"), text(signature, "token")
        require_recent(instant(stamp), request.now, WINDOW)
        expected = hmac.new(self._key, f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        if not same(text(signature, "signature"), expected):
            raise NotGenuine("the signature is wrong")
        found = _notification(mapping(body.get("event-data")))
        return Received([found] if found else [])


def _notification(event: Mapping[str, Any]) -> Notification | None:
    delivery = mapping(event.get("delivery-status"))
    words = text(delivery, "message") or text(delivery, "description")
    meaning = _meaning(event, words, text(delivery, "enhanced-code"))
    if meaning is None:
        return None
    kind, reason, status = meaning
    code = text(delivery, "code")
    identity = text(event, "id")
    return Notification(
        kind,
        instant(text(event, "timestamp")),
        text(event, "recipient") or None,
        reason,
        status,
        int(code) if code.isdigit() and 200 <= int(code[:4]) < 600 else None,
        words[:LONGEST_WORDS],
        message_id=message_id(text(event, "message", "headers", "message-id")),
        event_id=f"mailgun:{identity}" if identity else None,
    )


def _meaning(event: Mapping[str, Any], words: str, status: str) -> tuple[Kind, str, str | None] | None:
    match text(event, "event"):
        case "failed" if text(event, "reason") in _SUPPRESSED:
            kind = _SUPPRESSED[text(event, "reason")]
            return kind, "userunknown" if kind is Kind.HARD_BOUNCE else "feedback", None
        case "failed" if text(event, "severity") == "permanent":
            gave_up = text(event, "reason") == "old"  # retried until its limit
            return bounce(words, status, permanent=not gave_up)
        case "failed":
            return Kind.DELAYED, bounce(words, status, permanent=False)[1], None
        case "delivered":
            return Kind.DELIVERED, "delivered", None
        case "complained":
            return Kind.COMPLAINT, "feedback", None
        case "unsubscribed":
            return Kind.UNSUBSCRIBE, "feedback", None
        case _:
            return None
