"""A mailbox: any display name, and a strictly checked address.

No name ever changes the addressee: a name is cleaned, then quoted or encoded as a whole, and an address that is not
exactly one addr-spec is refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ATEXT = frozenset("!#$%&'*+/=?^_`{|}~-·")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\uffff\ufdd0-\ufdef"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_BLANK = re.compile(r"\s+")
_NAMED = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^<>"]*?))[ \t]*<([^<>]*)>[ \t]*', re.DOTALL)
LONGEST = 254


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name, possibly empty, and an address. Raises ValueError for an address that is not one addr-spec."""

    name: str
    address: str

    def __post_init__(self) -> None:
        check_address(self.address)

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Reads `Ana <ana@x.example>`, `"Ana, Ltd" <ana@x.example>` or a bare address; ValueError for anything else."""
        found = _NAMED.fullmatch(text)
        if not found:
            return cls("", text.strip(" \t"))
        quoted, plain, address = found.groups()
        name = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else plain
        return cls(clean(name), address.strip(" \t"))

    @property
    def wire(self) -> str:
        """The address for SMTP: an international domain in its ASCII form."""
        return wire(self.address)

    @property
    def needs_smtputf8(self) -> bool:
        """Whether this address needs a server with SMTPUTF8."""
        return not self.address.rpartition("@")[0].isascii()

    def __str__(self) -> str:
        if not self.name:
            return self.address
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.address}>'


def clean(name: str) -> str:
    """A display name on one line, without control and bidirectional characters."""
    if name.isascii() and name.isprintable() and "  " not in name:  # the usual case
        return name.strip()
    return _BLANK.sub(" ", _DROPPED.sub("", name)).strip()


def check_address(address: str) -> None:
    """Raises ValueError unless this is exactly one addr-spec that SMTP can carry; quoted local parts are refused."""
    local, at, domain = address.rpartition("@")
    plain = local.isascii()
    size = len(local) if plain else len(local.encode())
    if not at or size > 64 or not (_LOCAL.fullmatch(local) if plain else _is_local_utf8(local)):
        raise ValueError(f"{address!r} is not an email address")
    if size + 1 + len(_domain(domain)) > LONGEST:
        raise ValueError(f"{address[:40]!r}… is longer than an email address may be")


def _is_local_utf8(local: str) -> bool:
    """Whether it is a dot-atom of RFC 6531: letters and digits of any script, with the marks that belong to them."""
    return all(
        part
        and not unicodedata.category(part[0]).startswith("M")
        and all(c.isalnum() or c in _ATEXT or unicodedata.category(c) in ("Mn", "Mc") for c in part)
        for part in local.split(".")
    )


def wire(address: str) -> str:
    """The address with its domain in ASCII; raises ValueError for a bad domain."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{_domain(domain)}"


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    host = domain
    if not domain.isascii():
        import idna  # imported here: its tables are large, and most mail needs none of them

        try:
            host = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"{domain!r} is not a domain: {error}") from error
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise ValueError(f"{domain!r} is not a domain")
    return host
