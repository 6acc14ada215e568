"""Plain words for people: why a condition is not true, and instants in the client's time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from regulars.audience.clauses import Clause, show
from regulars.core.calendar import zone

_SINCE = {
    "last_purchase_at": "last bought {}",
    "first_purchase_at": "first bought {}",
    "created_at": "became known {}",
    "next_product_at": "the next product was due {}",
}


def when(moment: datetime, zone_name: str) -> str:
    """An instant in the client's time zone: `2026-06-10 09:00`."""
    return f"{moment.astimezone(zone(zone_name)):%Y-%m-%d %H:%M}"


def day(moment: datetime, zone_name: str) -> str:
    """The day of an instant in the client's time zone."""
    return f"{moment.astimezone(zone(zone_name)):%Y-%m-%d}"


def why_not(clause: Clause) -> str:
    """Why a condition is not true, with as few values as possible: `overdue is 1.4 and last bought 61 days ago`."""
    reasons = list(dict.fromkeys(words for part in failing_parts(clause) for words in _values(part)))
    return " and ".join(reasons) or f"`{clause.text}` is {show(clause.value)}"


def failing_parts(clause: Clause) -> Iterator[Clause]:
    """The smallest parts that make a condition not true."""
    if clause.value is True:
        return
    if clause.segment:
        yield from failing_parts(clause.parts[0])
        return
    together = clause.reading is None and len(clause.parts) > 1
    if together and all(part.value is None or isinstance(part.value, bool) for part in clause.parts):
        for part in clause.parts:
            yield from failing_parts(part)
    else:
        yield clause


def _values(clause: Clause) -> Iterator[str]:
    """The values of the plain parts of a comparison; the clause itself if it is not a comparison."""
    plain = [part for part in clause.parts if part.text != show(part.value) and not isinstance(part.value, bool)]
    if clause.reading is None or not plain:
        yield f"`{clause.text}` is {show(clause.value)}"
        return
    for part in plain:
        field = re.fullmatch(r"days_since\(customer\.(\w+)\)", part.text)
        if field and field[1] in _SINCE and isinstance(part.value, float) and part.value >= 0:
            yield _SINCE[field[1]].format(_days_ago(int(part.value)))
        else:
            yield f"`{part.text}` is {show(part.value)}"


def _days_ago(days: int) -> str:
    return "today" if days == 0 else f"{days} day{'' if days == 1 else 's'} ago"
