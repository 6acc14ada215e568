"""Languages, time zones, countries and currencies: only existing names, in normalised form."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies

from regulars.core.calendar import zone
from regulars.core.diagnostics import did_you_mean
from regulars.importing.cells import text
from regulars.importing.refused import Refused

_name = text(80)


def locale(raw: Any) -> str | None:
    """A language tag such as `ro` or `pt-BR`, also from `pt_br`, `Romanian` and `română`."""
    value = _name(raw)
    return None if value is None else _locale(value)


@lru_cache(maxsize=1024)
def _locale(value: str) -> str:
    try:
        found = Locale.parse(value.replace("-", "_").partition(".")[0])
    except (UnknownLocaleError, ValueError, TypeError):
        code = _languages().get(value.casefold())
        if code is None:
            raise Refused("is not a language that we know", "write a code such as `ro` or `pt-BR`") from None
        return code
    return str(found).replace("_", "-")


_NAMED_IN = (
    "en",
    "ru",
    "uk",
    "ro",
    "et",
    "de",
    "fr",
    "es",
    "it",
    "pl",
    "lv",
    "lt",
    "fi",
    "bg",
    "tr",
    "nl",
    "cs",
    "sk",
    "hu",
)
"""Languages in which names of languages are known; each name of two languages is left out."""

_WRITTEN = (
    *_NAMED_IN,
    "pt",
    "sv",
    "da",
    "nb",
    "el",
    "hr",
    "sr",
    "sl",
    "ka",
    "hy",
    "az",
    "kk",
    "he",
    "ar",
    "hi",
    "zh",
    "ja",
    "ko",
)
"""Languages whose own names are known."""


@cache
def _languages() -> dict[str, str]:
    """Names of languages, in common languages and in themselves, to their codes."""
    found: dict[str, set[str]] = {}
    for teller in _NAMED_IN:
        for code, name in Locale(teller).languages.items():
            if len(str(code)) == 2:
                found.setdefault(str(name).casefold(), set()).add(str(code))
    for code in _WRITTEN:
        found.setdefault(str(Locale(code).language_name).casefold(), set()).add(code)
    return {name: codes.pop() for name, codes in found.items() if len(codes) == 1}


def timezone(raw: Any) -> str | None:
    """An IANA time zone such as `Europe/Tallinn`."""
    value = _name(raw)
    return None if value is None else _timezone(value)


@lru_cache(maxsize=1024)
def _timezone(value: str) -> str:
    try:
        return zone(value).key
    except ValueError:
        known = {name.casefold(): name for name in available_timezones()}
        exact = known.get(value.casefold().replace(" ", "_"))
        city = next(
            (name for name in sorted(known.values()) if name.rpartition("/")[2].casefold() == value.casefold()), ""
        )
        right = exact or city
        hint = f"did you mean `{right}`?" if right else did_you_mean(value, sorted(known.values()))
        raise Refused("is not a time zone", hint or "write an IANA name such as `Europe/Tallinn`") from None


def country(raw: Any) -> str | None:
    """A country's two letters (ISO 3166), also from its English name."""
    value = _name(raw)
    return None if value is None else _country(value)


@lru_cache(maxsize=1024)
def _country(value: str) -> str:
    known = _territories()
    if value.upper() in known.values():
        return value.upper()
    code = known.get(value.casefold())
    if code:
        return code
    hint = did_you_mean(value.casefold(), known) if len(value) > 3 else None
    raise Refused("is not a country that we know", hint or "write two letters, such as `EE`")


@cache
def _territories() -> dict[str, str]:
    names = Locale("en").territories
    return {
        str(name).casefold(): str(code)
        for code, name in names.items()
        if len(code) == 2 and code not in {"EU", "EZ", "UN", "ZZ", "XA", "XB", "QO"}
    }


def currency(raw: Any) -> str | None:
    """A currency's three letters (ISO 4217)."""
    value = _name(raw)
    return None if value is None else _currency(value)


@lru_cache(maxsize=1024)
def _currency(value: str) -> str:
    code = value.upper()
    if code in _currencies():
        return code
    raise Refused("is not a currency that we know", "write three letters, such as `EUR`")


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())
