"""Addresses at a domain that is one slip away from a large mail provider's: asked about, never corrected.

One slip is a letter too many, too few, another one, or two exchanged (Damerau, 1964).
"""

from __future__ import annotations

from functools import lru_cache

PROVIDERS = (
    "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "protonmail.com",
    "yandex.ru", "rambler.ru", "mail.ru", "ukr.net", "libero.it", "orange.fr",
)  # fmt: skip
_REAL = frozenset({
    "mail.com", "ymail.com", "email.com", "qmail.com", "mail.ee", "mail.de", "mail.co", "mail.bg", "outlook.co",
    "yandex.ua", "yandex.by", "yandex.kz", "yandex.uz", "yandex.com", "orange.ro", "gmx.com", "email.ru", "mail.uk",
})  # fmt: skip
"""Domains that look like a slip and are none."""
_OTHER_ENDS = (".con", ".cm", ".cmo", ".vom", ".comm", ".om", ".coom")


def likely_meant(address: str) -> str | None:
    """The address that was probably meant; None where nothing looks wrong."""
    local, _, domain = address.rpartition("@")
    meant = _domain(domain.lower())
    return f"{local}@{meant}" if local and meant else None


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str | None:
    if domain in PROVIDERS or domain in _REAL:
        return None
    ending = next((end for end in _OTHER_ENDS if domain.endswith(end)), None)
    if ending and (repaired := domain.removesuffix(ending) + ".com") in PROVIDERS:
        return repaired
    found = [provider for provider in PROVIDERS if _one_slip(domain, provider)]
    return found[0] if len(found) == 1 else None


def _one_slip(one: str, other: str) -> bool:
    """Whether one edit makes one text the other."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    a, b = one[same:], other[same:]
    exchanged = a[:2] == b[1::-1] and a[2:] == b[2:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (len(b) > 1 and exchanged)
