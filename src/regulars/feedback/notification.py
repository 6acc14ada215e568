"""A notification: what one message or webhook that came back says about one email that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What came back."""

    HARD_BOUNCE = "hard-bounce"  # the address cannot be delivered to, now or later
    SOFT_BOUNCE = "soft-bounce"  # returned for a cause that may pass, or that is not about the address
    DELAYED = "delayed"  # the server still tries
    COMPLAINT = "complaint"  # the recipient marked it as spam
    UNSUBSCRIBE = "unsubscribe"  # the recipient asks for no more emails, by email
    AUTO_REPLY = "auto-reply"  # out of office, a challenge, a read receipt
    DELIVERED = "delivered"  # a provider's confirmation of delivery
    OTHER = "other"  # a person's reply, or nothing that is understood


@dataclass(frozen=True, slots=True)
class Notification:
    """One statement about one email.

    `reason` is the cause (`delivery.causes`), or `feedback`, `vacation`, `receipt`, `challenge`, `delivered`; empty if
    unknown. `status` is the enhanced status code (RFC 3463), `reply_code` the SMTP one. `words` are the server's, at
    most 500 characters. `message_id` is that of our email without angle brackets, `return_path` the local part it was
    returned to, `provider_id` the sending provider's own id, each None if it is not told. `recipient` is the address
    that it is about, None if not told. `event_id` is unique to this statement, so that the same one can be recorded
    once; None if nothing in it is unique.
    """

    kind: Kind
    at: datetime | None
    recipient: str | None = None
    reason: str = ""
    status: str | None = None
    reply_code: int | None = None
    words: str = ""
    message_id: str | None = None
    return_path: str | None = None
    provider_id: str | None = None
    event_id: str | None = None
