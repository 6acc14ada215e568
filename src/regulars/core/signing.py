"""Signed tokens for links, short enough for an email."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

_SIGNATURE_BYTES = 15


def sign(purpose: str, payload: str, secret: bytes) -> str:
    """A URL-safe token that carries `payload`, valid for `purpose` only."""
    body = payload.encode()
    mark = _signature(purpose, body, secret)
    return base64.urlsafe_b64encode(mark + body).rstrip(b"=").decode()


def verify(purpose: str, token: str, secrets: Iterable[bytes]) -> str | None:
    """The payload of a genuine token, signed with one of the secrets, or None for anything else."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        body = raw[_SIGNATURE_BYTES:].decode()
    except ValueError:
        return None
    mark, signed = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    genuine = any(hmac.compare_digest(mark, _signature(purpose, signed, secret)) for secret in secrets)
    return body if signed and genuine else None


def _signature(purpose: str, body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, purpose.encode() + b"\0" + body, "sha256")[:_SIGNATURE_BYTES]
