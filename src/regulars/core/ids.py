"""Ids that are the same on every machine (digests, buckets for draws, Message-IDs), and the uid of a client."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import unicodedata
from typing import Any

import idna

PRIME = 2_147_483_647
"""Modulus of the sticky hash, 2**31 - 1: products of two residues fit a signed 64-bit integer in SQL."""
SHARES = 10_000
"""Parts of the whole in which a holdout share is measured: ten-thousandths."""


def digest(value: Any) -> str:
    """A short hash of JSON-ready data, the same whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def new_uid() -> str:
    """A uid for a client, drawn at random."""
    return secrets.token_hex(10)


def client_uid(external_id: str) -> str:
    """The uid of a client who is first seen with this outside id.

    The same file imported into an empty database gives the same ids, and so the same draws. It is drawn at random where
    the outside id is an address: nothing that leads back to an address may outlive it.
    """
    if "@" in external_id:
        return new_uid()
    return hashlib.blake2b(external_id.encode(), digest_size=10, person=b"client").hexdigest()


def bucket(uid: str) -> int:
    """The client's own number in [1, PRIME): uniform and determined by the client's uid, so it never changes."""
    raw = hashlib.blake2b(uid.encode(), digest_size=8, person=b"bucket").digest()
    return int.from_bytes(raw) % (PRIME - 1) + 1


def salt(name: str) -> tuple[int, int]:
    """Coefficients (a, b) that make one experiment's split independent of another's.

    With them a client's share is ((a * bucket + b) mod PRIME) mod SHARES, computed alike in Python and
    in SQL (Carter and Wegman 1979, universal hashing).
    """
    raw = hashlib.blake2b(name.encode(), digest_size=16, person=b"split").digest()
    return int.from_bytes(raw[:8]) % (PRIME - 1) + 1, int.from_bytes(raw[8:]) % PRIME


def share(client_bucket: int, name: str) -> int:
    """The client's place in [0, SHARES) for the experiment `name`."""
    a, b = salt(name)
    return (a * client_bucket + b) % PRIME % SHARES


def promise_key(campaign: str, step: str, uid: str, occurrence: str) -> str:
    """The permanent name of a promise: its ledger key, with the client's uid instead of the client's key."""
    return f"{campaign}/{step}/{uid}/{occurrence}"


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a promise, angle brackets included: the same at every attempt."""
    return f"<{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}@{domain}>"


def normalized_address(address: str) -> str:
    """The one spelling of a mailbox: Unicode NFC, the domain in lower-case IDNA, the local part case-folded.

    Dots and `+tags` stay: only the mailbox's own server knows whether they matter.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    if not domain.isascii():
        with contextlib.suppress(idna.IDNAError):  # a domain that no server can have keeps its own spelling
            domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local.casefold()}{at}{domain.lower()}"


def address_hash(address: str, secret: bytes) -> str:
    """A keyed hash of a mailbox, under which rights hold for everybody who is entered with it, and after erasure."""
    return hmac.new(secret, normalized_address(address).encode(), hashlib.sha256).hexdigest()
