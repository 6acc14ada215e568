"""DKIM signatures (RFC 6376, RFC 8463): a transport that signs each message and hands it to another transport.

Relaxed canonicalization of headers and body, SHA-256, RSA or Ed25519. The cryptography is the `cryptography` package's;
finding and canonicalizing the headers is done here, because it happens for every email.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from regulars.core import extras
from regulars.core.errors import EnvironmentFailed
from regulars.delivery.parcel import Parcel
from regulars.delivery.transport import Delivery, Outage, Transport

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_SIGNED = (
    b"from", b"to", b"cc", b"reply-to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"content-transfer-encoding", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
"""Headers that are signed. RFC 8058 asks for the last two."""
_TWICE = (b"from", b"to", b"subject", b"date", b"reply-to")
"""Listed once more than they occur, so that a second one, added on the way, breaks the signature (RFC 6376, 8.15)."""
_LEAST_BITS = 1024
"""Receivers ignore signatures by smaller RSA keys (RFC 8301)."""
_BLANKS = re.compile(rb"[ \t]+")
_LINE = 72
"""Characters of a line of the signature."""


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The key that signs for a domain, and what is published of it at SELECTOR._domainkey.DOMAIN."""

    domain: str
    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)
    algorithm: str
    public: str
    """The `p=` of the record."""

    @property
    def record(self) -> str:
        """The TXT record to publish."""
        return f"v=DKIM1; k={self.algorithm.partition('-')[0]}; p={self.public}"

    def sign(self, message: bytes) -> bytes:
        """The `DKIM-Signature` header of the message, with its line end; the message has CRLF line ends."""
        head, _, body = message.partition(b"\r\n\r\n")
        names, lines = _signed_lines(head)
        start = (
            f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n"
            f" h={_listed(names)};\r\n bh={_digest(_relaxed_body(body))};\r\n b="
        )
        signed = b"".join([*lines, b"dkim-signature:", _BLANKS.sub(b" ", start.encode().replace(b"\r\n", b""))])
        return f"DKIM-Signature: {start}{_folded(b64encode(self._signature(signed)).decode())}\r\n".encode()

    def _signature(self, signed: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(hashlib.sha256(signed).digest())  # the hash is what is signed (RFC 8463, 3)
        return self.private.sign(signed, PKCS1v15(), SHA256())


def load_key(path: Path, domain: str, selector: str) -> DkimKey:
    """The private key of a PEM file without a passphrase. Raises EnvironmentFailed for another file or a short key."""
    extras.require("dkim", "REGULARS_DKIM_KEY")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    expected = "expected a private RSA or Ed25519 key in PEM form without a passphrase"
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise EnvironmentFailed(f"REGULARS_DKIM_KEY: cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EnvironmentFailed(f"REGULARS_DKIM_KEY: {path} has no usable key; {expected}") from None
    if isinstance(private, Ed25519PrivateKey):
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return DkimKey(domain, selector, private, "ed25519-sha256", b64encode(raw).decode())
    if not isinstance(private, RSAPrivateKey):
        raise EnvironmentFailed(f"REGULARS_DKIM_KEY: {path} has a key of another kind; {expected}")
    if private.key_size < _LEAST_BITS:
        bits = private.key_size
        raise EnvironmentFailed(f"REGULARS_DKIM_KEY: {path} has {bits} bits; expected {_LEAST_BITS} or more")
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return DkimKey(domain, selector, private, "rsa-sha256", b64encode(spki).decode())


class SigningTransport(Transport):
    """Signs, then hands over to `inner`."""

    def __init__(self, inner: Transport, key: DkimKey) -> None:
        self._inner, self._key = inner, key
        self.rate = inner.rate

    @property
    def server(self) -> str:
        return self._inner.server

    async def deliver(self, parcels: Sequence[Parcel]) -> Delivery:
        signed = [replace(parcel, data=self._key.sign(parcel.data) + parcel.data) for parcel in parcels]
        return await self._inner.deliver(signed)

    async def probe(self) -> Outage | None:
        return await self._inner.probe()

    async def close(self) -> None:
        await self._inner.close()


def _signed_lines(head: bytes) -> tuple[list[bytes], list[bytes]]:
    """The names for `h=`, and the canonical headers in the same order, each with its line end.

    Of several headers of one name the last is signed first (RFC 6376, 5.4.2).
    """
    found: dict[bytes, list[bytes]] = {}
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = line.partition(b":")
        found.setdefault(name.strip().lower(), []).append(value)
    names, lines = [], []
    for name in _SIGNED:
        for value in reversed(found.get(name, ())):
            names.append(name)
            lines.append(name + b":" + _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip() + b"\r\n")
    return [*names, *_TWICE], lines


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4: blanks are one blank, none at a line's end, no empty lines at the end."""
    if b"  " in body or b"\t" in body or b" \r\n" in body:
        body = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n")
    body = body.rstrip(b" \t")
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _digest(data: bytes) -> str:
    return b64encode(hashlib.sha256(data).digest()).decode()


def _listed(names: Sequence[bytes]) -> str:
    """The names for `h=`, five in a line: blanks may stand beside the colons only."""
    lines = (b":".join(names[start : start + 5]).decode() for start in range(0, len(names), 5))
    return ":\r\n  ".join(lines)


def _folded(text: str) -> str:
    """The text in lines; blanks within these values mean nothing (RFC 6376, 3.2)."""
    return "\r\n ".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
