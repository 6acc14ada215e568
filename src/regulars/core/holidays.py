"""Public holidays of countries and their regions, from the library `holidays`.

A region is written `MD` or, with a part of the country, `DE-BY`. The library is loaded at first use.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache


@lru_cache(maxsize=1)
def regions() -> frozenset[str]:
    """Every known region: `MD`, `DE`, `DE-BY`."""
    from holidays.utils import list_supported_countries

    found = list_supported_countries()
    return frozenset({*found, *(f"{country}-{part}" for country, parts in found.items() for part in parts)})


def countries() -> frozenset[str]:
    """Every country by its two letters (ISO 3166)."""
    return frozenset(each for each in regions() if len(each) == 2) - {"UK"}


def region(text: str) -> str:
    """The region in capitals; raises ValueError for an unknown one."""
    plain = text.strip().upper()
    known = {each.upper(): each for each in regions()}
    if plain not in known:
        raise ValueError(f"`{text}` is not a country whose holidays are known, such as `MD` or `DE-BY`")
    return known[plain]


@lru_cache(maxsize=512)
def holidays(of: str, year: int) -> dict[date, str]:
    """The public holidays of a region in a year, with their names in English where there are any."""
    from holidays import country_holidays

    country, _, part = of.partition("-")
    return dict(country_holidays(country, subdiv=part or None, years=year, expand=False, language="en_US"))


_SURVEYED = range(2024, 2034)
"""Years from which the names of a region's holidays are collected: some do not occur every year."""
_REMARK = re.compile(r" \((?:estimated|observed)[^)]*\)$")


def first_of(of: str, name: str, year: int) -> date | None:
    """The first day of the year with that holiday in the region; None if the year has none."""
    wanted = name.casefold()
    return min(
        (day for day, kept in holidays(of, year).items() if wanted in map(str.casefold, _names(kept))), default=None
    )


@lru_cache(maxsize=64)
def names(of: str) -> frozenset[str]:
    """The English names of a region's public holidays in these years."""
    return frozenset(name for year in _SURVEYED for kept in holidays(of, year).values() for name in _names(kept))


def _names(kept: str) -> list[str]:
    """The holidays of a day, without those moved there from another day. Lunar dates are estimates."""
    return [_REMARK.sub("", name) for name in kept.split("; ") if "(observed" not in name]
