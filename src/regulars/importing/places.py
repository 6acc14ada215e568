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
    """A language tag such as `ro` or `pt-BR`, also from `pt_br`."""
    value = _name(raw)
    return None if value is None else _locale(value)


@lru_cache(maxsize=1024)
def _locale(value: str) -> str:
    try:
        found = Locale.parse(value.replace("-", "_").partition(".")[0])
    except (UnknownLocaleError, ValueError, TypeError):
        code = _languages().get(value.casefold())
        hint = f"write `{code}`" if code else "write a code such as `ro` or `pt-BR`"
        raise Refused("is not a language that we know", hint) from None
    return str(found).replace("_", "-")


@cache
def _languages() -> dict[str, str]:
    """Names of languages, in English and in themselves, to their codes."""
    english = Locale("en").languages
    found = {str(name).casefold(): str(code) for code, name in english.items()}
    for code in ("uk", "ru", "ro", "et", "de", "fr", "es", "it", "pl", "lv", "lt", "fi"):
        found[str(Locale(code).language_name).casefold()] = code
    return found


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
