"""Resend: webhooks of emails, signed as Svix and Standard Webhooks do.

Formats: "email.bounced" and the like, and "Verify webhooks requests", of its documentation. The setting is the signing
secret, `whsec_…`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from regulars.core.errors import EnvironmentFailed
from regulars.feedback.notification import Kind, Notification
from regulars.feedback.webhooks.provider_interface import (
    LONGEST_WORDS,
    NotGenuine,
    Provider,
    Received,
    WebhookRequest,
    bounce,
    instant,
    items,
    mapping,
    message_id,
    require_recent,
    text,
)

WINDOW = timedelta(minutes=5)
"""Each attempt is signed anew."""
_MOST_SIGNATURES = 10


class Resend(Provider):
    """Requests that are signed with the given secret."""

    name = "resend"

    def __init__(self, secret: str) -> None:
        try:
            self._key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (ValueError, binascii.Error):
            self._key = b""
        if not self._key:
            raise EnvironmentFailed("REGULARS_RESEND_SECRET is not `whsec_` and base64")

    def read(self, request: WebhookRequest) -> Received:
        """Verifies time and signature; an event that says nothing about delivery gives no notification."""
        identity, stamp, given = (
            request.headers.get(f"svix-{name}") or request.headers.get(f"webhook-{name}", "")
            for name in ("id", "timestamp", "signature")
        )
        require_recent(instant(stamp), request.now, WINDOW)
        signed = hmac.new(self._key, f"{identity}.{stamp}.".encode() + request.body, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(signed).decode()
        marks = given.split(" ")[:_MOST_SIGNATURES]
        if not identity or not any(hmac.compare_digest(mark.encode(), expected.encode()) for mark in marks):
            raise NotGenuine("the signature is wrong")
        return Received(_notifications(mapping(request.json()), identity))


def _notifications(event: Mapping[str, Any], identity: str) -> list[Notification]:
    data = mapping(event.get("data"))
    words = text(data, "bounce", "message")
    meaning = _meaning(text(event, "type"), data, words)
    if meaning is None:
        return []
    kind, reason, status = meaning
    given = data.get("to")
    recipients = [given] if isinstance(given, str) else items(given)
    named = (mapping(one) for one in items(data.get("headers")))
    header = next((text(one, "value") for one in named if text(one, "name").lower() == "message-id"), "")
    return [
        Notification(
            kind,
            instant(text(event, "created_at")),
            str(recipient),
            reason,
            status,
            words=words[:LONGEST_WORDS],
            message_id=message_id(header or text(data, "message_id")),
            provider_id=text(data, "email_id") or None,
            event_id=f"resend:{identity}:{place}",
        )
        for place, recipient in enumerate(recipients)
    ]


def _meaning(event: str, data: Mapping[str, Any], words: str) -> tuple[Kind, str, str | None] | None:
    match event:
        case "email.bounced":
            return bounce(words, "", permanent=text(data, "bounce", "type") == "Permanent")
        case "email.delivery_delayed":
            return Kind.DELAYED, "expired", None
        case "email.delivered":
            return Kind.DELIVERED, "delivered", None
        case "email.complained":
            return Kind.COMPLAINT, "feedback", None
        case _:
            return None
