"""Brevo: webhooks of transactional emails.

Format: "Transactional webhooks" of its developer documentation. Brevo signs nothing: the setting is a secret that is
the token of `Authorization: Bearer`, or the end of the path.
"""

from __future__ import annotations

import hashlib
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
    items,
    mapping,
    message_id,
    same,
    text,
)

_MEANINGS = {
    "invalidemail": (Kind.SOFT_BOUNCE, "undefined"),  # its pages do not agree whether that is the sender's address
    "invalid": (Kind.SOFT_BOUNCE, "undefined"),
    "blocked": (Kind.SOFT_BOUNCE, "blocked"),
    "deferred": (Kind.DELAYED, "expired"),
    "delivered": (Kind.DELIVERED, "delivered"),
    "spam": (Kind.COMPLAINT, "feedback"),
    "complaint": (Kind.COMPLAINT, "feedback"),
    "unsubscribed": (Kind.UNSUBSCRIBE, "feedback"),
}
"""By the event's name, without underscores: the API and the webhooks write it differently."""


class Brevo(Provider):
    """Requests that carry the given secret."""

    name = "brevo"

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def read(self, request: WebhookRequest) -> Received:
        """Verifies the secret; an event that says nothing about delivery gives no notification."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not (same(request.path_secret, self._secret) or same(token, self._secret)):
            raise NotGenuine("the secret is wrong")
        body = request.json()
        events = items(body) if isinstance(body, list) else [body]  # several at once, where it is set so
        found = (_notification(mapping(event)) for event in events)
        return Received([one for one in found if one is not None])


def _notification(event: Mapping[str, Any]) -> Notification | None:
    words = text(event, "reason")
    meaning = _meaning(text(event, "event").replace("_", "").lower(), words)
    if meaning is None:
        return None
    kind, reason, status = meaning
    # Brevo gives no id of its own: what makes an event unique is all of this.
    parts = [text(event, name) for name in ("event", "email", "message-id", "ts_event", "ts_epoch", "ts")]
    return Notification(
        kind,
        instant(text(event, "ts_event") or text(event, "ts")),
        text(event, "email") or None,
        reason,
        status,
        words=words[:LONGEST_WORDS],
        message_id=message_id(text(event, "message-id")),
        event_id="brevo:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32],
    )


def _meaning(event: str, words: str) -> tuple[Kind, str, str | None] | None:
    if event in {"hardbounce", "softbounce", "error"}:
        return bounce(words, "", permanent=event == "hardbounce")
    known = _MEANINGS.get(event)
    return (*known, None) if known else None
