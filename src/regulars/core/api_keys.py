"""API keys: a name and its scopes, signed with the workspace's secret, so that there is nothing to store.

A key is revoked by its name in REGULARS_REVOKED_KEYS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable

from regulars.core import signing

SCOPES = ("appointments", "coupons", "customers", "events", "metrics", "pauses", "purchases", "report", "suppressions")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")


def make(name: str, scopes: Collection[str], secret: bytes) -> str:
    """A key; raises ValueError for an invalid name or scope."""
    if not scopes or set(scopes) - set(SCOPES):
        raise ValueError(f"a key has a name such as `till-1` and scopes among {', '.join(SCOPES)}")
    return signing.sign("api", f"{checked_name(name)} {' '.join(sorted(set(scopes)))}", secret)


def checked_name(name: str) -> str:
    """The name, if it is valid for a key; else ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("a key has a name such as `till-1`: small letters, digits and hyphens")
    return name


def read(header: str | None, secrets: Iterable[bytes]) -> tuple[str, frozenset[str]] | None:
    """Name and scopes of a genuine `Authorization: Bearer KEY` that is not revoked, or None."""
    kind, _, key = (header or "")[:400].partition(" ")
    payload = signing.verify("api", key.strip(), secrets) if kind.lower() == "bearer" else None
    if payload is None:
        return None
    name, *scopes = payload.split(" ")
    return None if revoked(name) else (name, frozenset(scopes))


def revoked(name: str) -> bool:
    """Whether the key of that name is revoked."""
    return name in os.environ.get("REGULARS_REVOKED_KEYS", "").replace(",", " ").split()
