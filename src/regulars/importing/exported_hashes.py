"""Hashes of addresses in exports: the address itself is not stored, so its keyed hash moves, with a mark of the key."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from regulars.importing import cells
from regulars.importing.refused import Refused
from regulars.importing.rows import Row

_HASH = re.compile(r"([0-9a-f]{8}):([0-9a-f]{64})")


def hash_mark(secret: bytes) -> str:
    """What an exported hash begins with; it tells hashes with another secret apart, which would match nobody here."""
    return hmac.new(secret, b"exported hashes", hashlib.sha256).hexdigest()[:8]


FOREIGN = ""
"""What is read of a hash with another secret than ours: nobody would be known by it."""


def hash_reader(secret: bytes) -> cells.Reader:
    """A reader of `MARK:HASH`."""

    def read(raw: Any) -> str:
        found = _HASH.fullmatch(cells.plain(raw).strip())
        if found is None:
            raise Refused("is not a hash of an address", "expected one from `regulars export`")
        return found[2] if found[1] == hash_mark(secret) else FOREIGN

    return read


def refuse_foreign(row: Row) -> None:
    """Refuses a row that names its person only by a hash with another secret."""
    if row.get("email_hash") == FOREIGN:
        row.refuse(
            "was made with another secret, so nobody can be known by it",
            "set REGULARS_ADDRESS_SECRET to what it was where the file was exported",
            "email_hash",
        )
