"""Return paths (VERP): an envelope sender for each email, whose token names the email it was sent for.

The token is short and keeps its meaning when a server changes the case of letters: the digits and letters of
base32hex (RFC 4648, section 7). It is a keyed BLAKE2b of 80 bits (16 characters), a keyed hash of 25 bits of the
recipient's address (5 characters), and the promise's id in hexadecimal, which is a subset of that alphabet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

PLACE = "{token}"
"""Where the token stands in the pattern of an address: `bounces+{token}@studio.example`."""
HEADER = "X-Regulars-Token"
"""The header with the same token, for what is returned without the envelope."""
LONGEST = 64
"""Octets of a local part (RFC 5321, 4.5.3.1.1)."""
UNSUBSCRIBE = "u-"
"""What precedes the token in the address for unsubscribing: a vacation note to the return path is no such request."""
_SIGNATURE, _TAG, _MOST_ID = 16, 5, 16
TOKEN_LENGTH = _SIGNATURE + _TAG + _MOST_ID
"""Characters of the longest token."""

_ALPHABET = bytes(b"0123456789abcdefghijklmnopqrstuv"[byte & 31] for byte in range(256))
_TOKEN = re.compile(rf"(?:^|[^0-9a-z])({UNSUBSCRIBE})?([0-9a-v]{{{_SIGNATURE + _TAG + 1},{TOKEN_LENGTH}}})$")
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """The addresses that emails are returned to: what is before the token, and the domain."""

    before: str
    domain: str

    @classmethod
    def parse(cls, pattern: str) -> ReturnPath:
        """Of `bounces@studio.example`, where `+` precedes the token, or `bounces-{token}@studio.example`."""
        local, _, domain = pattern.rpartition("@")
        return cls(local.removesuffix(PLACE) if PLACE in local else f"{local}+", domain)

    @property
    def base(self) -> str:
        """The address without a token: it belongs to no client."""
        return f"{self.before.rstrip('+-=._') or 'bounces'}@{self.domain}"

    def sender(self, token: str) -> str:
        """The envelope sender of the email with this token."""
        return f"{self.before}{token}@{self.domain}"

    def unsubscribe(self, token: str) -> str:
        """The address to which a message unsubscribes the email's recipient."""
        return f"{self.before}{UNSUBSCRIBE}{token}@{self.domain}"

    def receives(self, address: str) -> bool:
        """Whether the address is one of these."""
        local, _, domain = address.strip().lower().rpartition("@")
        if domain != self.domain.lower():
            return False
        return local.startswith(self.before.lower()) or f"{local}@{domain}" == self.base.lower()


@dataclass(frozen=True, slots=True)
class ReturnToken:
    """A genuine token: the promise, the tag of the address it was sent to, and whether it asks to unsubscribe."""

    promise: int
    tag: str
    unsubscribe: bool


def make_token(promise: int, address: str, secret: bytes) -> str:
    """The token of the email of this promise to the address; takes a microsecond, as it is made for each email."""
    key = _key(secret)
    tag = blake2b(address.lower().encode(), digest_size=_TAG, key=key, person=b"recipient").digest()
    body = b"%b%x" % (tag.translate(_ALPHABET), promise)
    mark = blake2b(body, digest_size=_SIGNATURE, key=key, person=b"return-path").digest()
    return (mark.translate(_ALPHABET) + body).decode("ascii")


def tag_of(address: str, secret: bytes) -> str:
    """The tag of an address within a token."""
    tag = blake2b(address.lower().encode(), digest_size=_TAG, key=_key(secret), person=b"recipient").digest()
    return tag.translate(_ALPHABET).decode("ascii")


def read_token(text: str, secrets: Iterable[bytes]) -> ReturnToken | None:
    """The genuine token at the end of a local part, an address or the header's value; None for anything else."""
    found = _TOKEN.search(text.strip().lower().partition("@")[0])
    if found is None:
        return None
    mark, body = found[2][:_SIGNATURE].encode(), found[2][_SIGNATURE:].encode()
    for secret in secrets:
        made = blake2b(body, digest_size=_SIGNATURE, key=_key(secret), person=b"return-path").digest()
        if compare_digest(made.translate(_ALPHABET), mark):
            return ReturnToken(int(body[_TAG:], 16) % _LARGEST, body[:_TAG].decode("ascii"), found[1] is not None)
    return None


@lru_cache(maxsize=64)
def _key(secret: bytes) -> bytes:
    """The secret as a key of BLAKE2b, which takes 64 bytes at most."""
    return blake2b(secret, digest_size=32, person=b"return-path-key").digest()
