"""Birthdays in files, also with a year of two digits where only one century is possible."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from regulars.core import calendar
from regulars.importing.cells import plain
from regulars.importing.date_formats import day
from regulars.importing.refused import Refused

_SHORT = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{2})", re.ASCII)
_NAMED = re.compile(r"(\d{1,2}[ -][A-Za-z]{3,9}\.?,?[ -]|[A-Za-z]{3,9}\.? \d{1,2},? )(\d{2})", re.ASCII)
_OLDEST, _VERY_OLD = 130, 110
"""Ages that nobody has, and that nobody is thought to have where a younger one is possible."""


def birthday(order: str | None, today: date) -> Callable[[Any], date | None]:
    """A reader of birthdays. Placeholder dates for "unknown" are refused, and years that can be of two centuries."""
    whole = day(order)

    def read(raw: Any) -> date | None:
        value = plain(raw).strip()
        found = whole(_with_century(value, order, today))
        if found is None:
            return None
        if found in calendar.SENTINELS:
            raise Refused(f"{found} is what systems write for an unknown date", "leave it empty")
        if found > today:
            raise Refused(f"{found} is in the future")
        if found.year < today.year - _OLDEST:
            raise Refused(f"{found} is more than {_OLDEST} years ago")
        return found

    return read


def _with_century(value: str, order: str | None, today: date) -> str:
    """The date with its year in four digits."""
    if named := _NAMED.fullmatch(value):
        return named[1] + _year(named[2], today)
    short = _SHORT.fullmatch(value)
    if short is None or not (short[4].strip("0") or short[1].strip("0")):  # 0/0/00 is nobody's day
        return value
    if short[2] != "." and order not in {"dmy", "mdy"} and int(short[4]) <= 31:
        raise Refused("can have its year first or last", "say what comes first: `--dates dmy` or `--dates mdy`")
    return f"{short[1]}{short[2]}{short[3]}{short[2]}{_year(short[4], today)}"


def _year(digits: str, today: date) -> str:
    late, early = 2000 + int(digits), 1900 + int(digits)
    if late > today.year:
        return str(early)
    if early <= today.year - _VERY_OLD:
        return str(late)
    raise Refused(f"can be of {early} or of {late}", "write the year with four digits")
