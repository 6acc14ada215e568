"""Webhooks signed as Shopify, WooCommerce and Stripe sign them, with a secret that the shop gave.

Shopify: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
WooCommerce: https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/
Stripe: https://docs.stripe.com/webhooks, "Verify webhook signatures manually"

Shopify and WooCommerce sign the body alone: neither the id of the delivery nor its topic or time.
Whoever has caught a message could send it again under another id, so a message is known by its body and topic as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from regulars.core.webhook_signing import TOLERANCE, is_id

Scheme = Literal["standard", "shopify", "woocommerce", "stripe"]
"""How a hook's messages are signed; `standard` is Standard Webhooks, with a key of ours."""
_HEADERS: Mapping[str, tuple[str, str, str]] = {
    "shopify": ("x-shopify-hmac-sha256", "x-shopify-webhook-id", "x-shopify-topic"),
    "woocommerce": ("x-wc-webhook-signature", "x-wc-webhook-delivery-id", "x-wc-webhook-topic"),
}
"""The headers with the signature, the id of the delivery, and the topic."""
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_SECONDS = re.compile(r"[0-9]{1,11}")
_HEX = re.compile(r"[0-9a-f]{64}")
_MOST_SIGNATURES = 10
_LONGEST_TOPIC = 100


@dataclass(frozen=True, slots=True)
class ShopMessage:
    """A genuine message. `ids` are those under which it is remembered: of the delivery, and of its content."""

    ids: tuple[str, ...]
    at: datetime
    topic: str | None = None
    """The topic in a header, which Stripe has in the body instead."""


def secrets_of(variable: str) -> tuple[bytes, ...]:
    """The secrets in an environment variable: one, or two with a comma between them while the shop changes it."""
    return tuple(one.strip().encode() for one in os.environ.get(variable, "").split(",") if one.strip())


def is_ping(body: bytes) -> bool:
    """Whether it is what WooCommerce sends, unsigned, when a webhook is saved; it says nothing and wants a 200."""
    return _PING.fullmatch(body.strip()) is not None


def verify_shop(
    scheme: Scheme, headers: Mapping[str, str], body: bytes, secrets: Collection[bytes], now: datetime
) -> ShopMessage | None:
    """The message if one of the secrets signed it (by Stripe: not more than five minutes ago), else None."""
    if scheme == "stripe":
        return _stripe(headers, body, secrets, now)
    signature, delivery, topic_header = _HEADERS[scheme]
    given = headers.get(signature, "").encode()
    if not any(hmac.compare_digest(given, _base64_of(secret, body)) for secret in secrets):
        return None
    topic = headers.get(topic_header, "")[:_LONGEST_TOPIC]
    content = hashlib.sha256(topic.encode() + b"\0" + body).hexdigest()
    identity = headers.get(delivery, "")
    return ShopMessage((identity, content) if is_id(identity) else (content,), now, topic or None)


def _base64_of(secret: bytes, body: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())


def _stripe(headers: Mapping[str, str], body: bytes, secrets: Collection[bytes], now: datetime) -> ShopMessage | None:
    """`t=SECONDS,v1=HEX[,v1=HEX]` over `SECONDS.BODY`; other schemes than v1 are ignored, as Stripe says."""
    pairs = [part.strip().partition("=") for part in headers.get("stripe-signature", "").split(",")]
    stamp = next((value for name, _, value in pairs if name == "t"), "")
    given = [value for name, _, value in pairs if name == "v1" and _HEX.fullmatch(value)][:_MOST_SIGNATURES]
    if not _SECONDS.fullmatch(stamp):
        return None
    at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(at - now) > TOLERANCE:
        return None
    wanted = [hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in given for other in wanted):
        return None
    return ShopMessage((_event_id(body),), at)


def _event_id(body: bytes) -> str:
    """The id of Stripe's event, which is in the signed body; else the digest of the body."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    identity = found.get("id") if isinstance(found, dict) else None
    return identity if isinstance(identity, str) and is_id(identity) else hashlib.sha256(body).hexdigest()
