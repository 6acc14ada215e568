"""Public holidays of countries and their regions, by the kept library `holidays`.

A region is written `MD` or, with a part of the country, `DE-BY`. The library is loaded at first use.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache


@lru_cache(maxsize=1)
def regions() -> frozenset[str]:
    """Every region that is known: `MD`, `DE`, `DE-BY`."""
    from holidays.utils import list_supported_countries

    found = list_supported_countries()
    return frozenset({*found, *(f"{country}-{part}" for country, parts in found.items() for part in parts)})


def countries() -> frozenset[str]:
    """Every country by its two letters (ISO 3166)."""
    return frozenset(each for each in regions() if len(each) == 2) - {"UK"}


def region(text: str) -> str:
    """The region as it is written, in capitals; raises ValueError for one that is not known."""
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
"""Years from which the names of a region's holidays are gathered: some are not kept in each."""
_REMARK = re.compile(r" \((?:estimated|observed)[^)]*\)$")


def first_of(of: str, name: str, year: int) -> date | None:
    """The first day of the year on which a region keeps a holiday by that name; None: not in that year."""
    wanted = name.casefold()
    return min(
        (day for day, kept in holidays(of, year).items() if wanted in map(str.casefold, _names(kept))), default=None
    )


@lru_cache(maxsize=64)
def names(of: str) -> frozenset[str]:
    """The English names of a region's public holidays in these years."""
    return frozenset(name for year in _SURVEYED for kept in holidays(of, year).values() for name in _names(kept))


def _names(kept: str) -> list[str]:
    """What is kept on a day; not what is only moved there from another day. Dates by the moon are estimates."""
    return [_REMARK.sub("", name) for name in kept.split("; ") if "(observed" not in name]
