"""Tokens in links: signed, so that nobody can forge or alter them, and short enough for an email."""

from __future__ import annotations

import base64
import hmac

_SIGNATURE_BYTES = 15


def sign(purpose: str, payload: str, secret: bytes) -> str:
    """A URL-safe token that carries `payload`, valid for `purpose` only."""
    body = payload.encode()
    mark = _signature(purpose, body, secret)
    return base64.urlsafe_b64encode(mark + body).rstrip(b"=").decode()


def verify(purpose: str, token: str, secret: bytes) -> str | None:
    """The payload of a genuine token, or None for anything else."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        body = raw[_SIGNATURE_BYTES:].decode()
    except ValueError:
        return None
    if len(raw) <= _SIGNATURE_BYTES or not hmac.compare_digest(
        raw[:_SIGNATURE_BYTES], _signature(purpose, raw[_SIGNATURE_BYTES:], secret)
    ):
        return None
    return body


def _signature(purpose: str, body: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, purpose.encode() + b"\0" + body, "sha256")[:_SIGNATURE_BYTES]
