"""Twilio SendGrid: the signed Event Webhook.

Formats: "Event Webhook Reference" and "Getting Started with the Event Webhook Security Features" of its documentation.
The setting is the verification key: a public ECDSA key in base64. What is signed is the timestamp and then the body.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from regulars.core import extras
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

WINDOW = timedelta(hours=25)
"""SendGrid repeats a request for 24 hours."""
SIGNATURE, TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
_DROPPED = {
    "bounced address": Kind.HARD_BOUNCE,
    "invalid": Kind.HARD_BOUNCE,
    "spam reporting address": Kind.COMPLAINT,
    "unsubscribed address": Kind.UNSUBSCRIBE,
}
"""Why SendGrid did not try: what it knows of the address from before."""


class SendGrid(Provider):
    """Requests that the given key verifies."""

    name = "sendgrid"

    def __init__(self, public_key: str) -> None:
        extras.require("webhooks", "a webhook of SendGrid")
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            key = serialization.load_der_public_key(base64.b64decode(public_key))
        except ValueError:
            raise EnvironmentFailed("REGULARS_SENDGRID_KEY is not a public key in base64") from None
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise EnvironmentFailed("REGULARS_SENDGRID_KEY is not an ECDSA key")
        self._key = key

    def read(self, request: WebhookRequest) -> Received:
        """Verifies time and signature; an event that says nothing about delivery is left out."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        stamp = request.headers.get(TIMESTAMP, "")
        require_recent(instant(stamp), request.now, WINDOW)
        try:
            signature = base64.b64decode(request.headers.get(SIGNATURE, ""), validate=True)
            self._key.verify(signature, stamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            raise NotGenuine("the signature is wrong") from None
        read = (_notification(mapping(event)) for event in items(request.json()))
        return Received([one for one in read if one is not None])


def _notification(event: Mapping[str, Any]) -> Notification | None:
    words = text(event, "reason") or text(event, "response")
    meaning = _meaning(event, words)
    if meaning is None:
        return None
    kind, reason, status = meaning
    identity = text(event, "sg_event_id")
    return Notification(
        kind,
        instant(text(event, "timestamp")),
        text(event, "email") or None,
        reason,
        status,
        words=words[:LONGEST_WORDS],
        message_id=message_id(text(event, "smtp-id")),
        provider_id=text(event, "sg_message_id") or None,
        event_id=f"sendgrid:{identity}" if identity else None,
    )


def _meaning(event: Mapping[str, Any], words: str) -> tuple[Kind, str, str | None] | None:
    match text(event, "event"):
        case "bounce":
            return bounce(words, text(event, "status"), permanent=text(event, "type") != "blocked")
        case "dropped":
            kind = _DROPPED.get(words.lower(), Kind.OTHER)
            return kind, "userunknown" if kind is Kind.HARD_BOUNCE else "", None
        case "deferred":
            return Kind.DELAYED, "expired", None
        case "delivered":
            return Kind.DELIVERED, "delivered", None
        case "spamreport":
            return Kind.COMPLAINT, "feedback", None
        case "unsubscribe" | "group_unsubscribe":
            return Kind.UNSUBSCRIBE, "feedback", None
        case _:
            return None
