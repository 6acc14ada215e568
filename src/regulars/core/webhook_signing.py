"""Signed webhooks according to Standard Webhooks 1.0: https://www.standardwebhooks.com.

`webhook-signature` is one or more `v1,BASE64` of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. A secret is derived from the
workspace's own and the name of its key, so that none is stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regulars.core import api_keys

TOLERANCE = timedelta(minutes=5)
"""Maximum difference between a message's timestamp and our clock, either way: older messages are replays."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""No full stop: `ID.TIMESTAMP.BODY` could be split in two ways, and one signature would be valid for two messages."""
ID_RULE = "`webhook-id` is 1 to 100 letters, digits, `_` and `-`"
_SECONDS = re.compile(r"[0-9]{1,11}")
_PREFIX = "whsec_"
_MOST_SIGNATURES = 10
"""Number of signatures of a message that are checked: a sender has two while it changes keys."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A genuine message: its id (the same when repeated), when it was signed, and by which key."""

    id: str
    at: datetime
    key: str


def secret_of(key: str, secret: bytes) -> str:
    """The sender's secret, `whsec_…`; raises ValueError for an invalid key name."""
    return _PREFIX + base64.b64encode(_key_bytes(api_keys.checked_name(key), secret)).decode()


def outbound_secret(name: str, secret: bytes) -> str:
    """The secret, `whsec_…`, of our own messages to the program of this name; never that of a key."""
    raw = hmac.new(secret, b"outbound webhook\0" + name.encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(raw).decode()


def read_secrets(text: str) -> list[str]:
    """The secrets in the text, one or several with blanks or commas between; raises ValueError for another form."""
    found = text.replace(",", " ").split()
    for one in found or [""]:
        try:
            sound = one.startswith(_PREFIX) and len(base64.b64decode(one.removeprefix(_PREFIX), validate=True)) >= 16
        except binascii.Error:
            sound = False
        if not sound:
            raise ValueError(f"a secret is `{_PREFIX}` and at least 16 bytes in base64")
    return found


def sign(secret: str, identity: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that a sender adds; `secret` is `whsec_…`."""
    return sign_by_all([secret], identity, at, body)


def sign_by_all(secrets: Iterable[str], identity: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers with a signature by each secret: while one is replaced, receivers know either."""
    stamp = str(int(at.timestamp()))
    marks = (_signature(base64.b64decode(one.removeprefix(_PREFIX)), identity, stamp, body) for one in secrets)
    signature = " ".join("v1," + base64.b64encode(mark).decode() for mark in marks)
    return {"webhook-id": identity, "webhook-timestamp": stamp, "webhook-signature": signature}


def is_id(text: str) -> bool:
    """Whether the id is valid for a message."""
    return _ID.fullmatch(text) is not None


def verify(
    headers: Mapping[str, str], body: bytes, signers: Iterable[str], secrets: Collection[bytes], now: datetime
) -> SignedMessage | None:
    """The message's id, time and key if one of the signers signed it recently, else None.

    A signer's secret is `secret_of` its key name, with one of `secrets`.
    """
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not is_id(identity) or not _SECONDS.fullmatch(stamp):
        return None
    at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(at - now) > TOLERANCE:
        return None
    given = [mark for mark in map(_decoded, headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]) if mark]
    for key in signers:
        wanted = [_signature(_key_bytes(key, secret), identity, stamp, body) for secret in secrets]
        genuine = any(hmac.compare_digest(mark, one) for mark in given for one in wanted)
        if genuine and not api_keys.revoked(key):
            return SignedMessage(identity, at, key)
    return None


def _decoded(text: str) -> bytes | None:
    version, _, mark = text.partition(",")
    if version != "v1":
        return None
    try:
        return base64.b64decode(mark, validate=True)
    except (ValueError, binascii.Error):
        return None


def _key_bytes(key: str, secret: bytes) -> bytes:
    return hmac.new(secret, b"webhook\0" + key.encode(), hashlib.sha256).digest()


def _signature(raw: bytes, identity: str, stamp: str, body: bytes) -> bytes:
    return hmac.new(raw, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
