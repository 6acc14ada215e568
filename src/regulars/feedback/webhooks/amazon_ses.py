"""Amazon SES through SNS: notifications and published events.

Formats: "Amazon SNS notification contents for Amazon SES" and "Contents of event data that Amazon SES publishes to
Amazon SNS" of the SES guide. The setting is the ARN of the topic; messages of another topic are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from regulars.feedback.notification import Kind, Notification
from regulars.feedback.webhooks.provider_interface import (
    LONGEST_WORDS,
    NotGenuine,
    NotReadable,
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
from regulars.feedback.webhooks.sns_signature import Certificates, is_pinned

WINDOW = timedelta(hours=2)
"""SNS repeats a message for up to an hour, with the time at which it was published."""


class AmazonSes(Provider):
    """Messages of the topics with the given ARNs, separated by commas."""

    name = "ses"

    def __init__(self, topics: str, certificates: Certificates | None = None) -> None:
        self._topics = {topic.strip() for topic in topics.split(",") if topic.strip()}
        self._certificates = certificates or Certificates()

    def read(self, request: WebhookRequest) -> Received:
        """Verifies topic, time and signature; a request to confirm the subscription gives its URL."""
        message = mapping(request.json())
        if text(message, "TopicArn") not in self._topics:
            raise NotGenuine("another topic")
        require_recent(instant(text(message, "Timestamp")), request.now, WINDOW)
        self._certificates.verify(message, request.now)
        if text(message, "Type") == "SubscriptionConfirmation":
            url = str(message.get("SubscribeURL", ""))
            if not is_pinned(url):
                raise NotGenuine("the URL to confirm is not on an SNS host")
            return Received([], confirm_url=url)
        if text(message, "Type") != "Notification":
            return Received([])
        try:
            event = orjson.loads(str(message.get("Message", "")))
        except ValueError:
            raise NotReadable("the message of SNS is not JSON") from None
        return Received(notifications_of(mapping(event), text(message, "MessageId")))


def notifications_of(event: Mapping[str, Any], identity: str) -> list[Notification]:
    """The notifications of one SES event; `identity` is the id of the SNS message."""
    kind = text(event, "notificationType") or text(event, "eventType")
    details = mapping(event.get(_DETAILS.get(kind, "")))
    mail = mapping(event.get("mail"))
    at = instant(text(details, "timestamp")) or instant(text(mail, "timestamp"))
    found = []
    for place, recipient in enumerate(_recipients(kind, details)):
        meaning, reason, status, words = _meaning(kind, details, recipient)
        found.append(
            Notification(
                meaning,
                at,
                text(recipient, "emailAddress") or None,
                reason,
                status,
                words=words[:LONGEST_WORDS],
                message_id=_our_message_id(mail),
                provider_id=text(mail, "messageId") or None,
                event_id=f"ses:{identity}:{place}" if identity else None,
            )
        )
    return found


_DETAILS = {
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Delivery": "delivery",
    "DeliveryDelay": "deliveryDelay",
    "Reject": "reject",
}
_LISTS = {"Bounce": "bouncedRecipients", "Complaint": "complainedRecipients", "DeliveryDelay": "delayedRecipients"}


def _recipients(kind: str, details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if kind == "Delivery":
        return [{"emailAddress": one} for one in items(details.get("recipients"))]
    return [mapping(one) for one in items(details.get(_LISTS.get(kind, "")))]


def _meaning(kind: str, details: Mapping[str, Any], recipient: Mapping[str, Any]) -> tuple[Kind, str, str | None, str]:
    words = text(recipient, "diagnosticCode").removeprefix("smtp;").strip()
    match kind:
        case "Bounce":
            permanent = text(details, "bounceType") == "Permanent"
            words = words or text(details, "bounceSubType")
            return *bounce(words, text(recipient, "status"), permanent=permanent), words
        case "Complaint":
            feedback = text(details, "complaintFeedbackType")
            # `not-spam`: somebody took our email out of the spam folder.
            return Kind.OTHER if feedback == "not-spam" else Kind.COMPLAINT, "feedback", None, feedback
        case "DeliveryDelay":
            return Kind.DELAYED, "expired", text(recipient, "status") or None, words or text(details, "delayType")
        case _:
            return Kind.DELIVERED, "delivered", None, text(details, "smtpResponse")


def _our_message_id(mail: Mapping[str, Any]) -> str | None:
    """The Message-ID that we gave: SES replaces it on the way, but reports the original headers."""
    named = (mapping(one) for one in items(mail.get("headers")))
    given = next((text(one, "value") for one in named if text(one, "name").lower() == "message-id"), "")
    return message_id(given or text(mail, "commonHeaders", "messageId"))
