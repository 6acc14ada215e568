"""Lists of tags in one cell, as tools export them: `vip, swim`, `vip; swim`, `"VIP","Spring 2024"`, `["vip"]`."""

from __future__ import annotations

import csv
from typing import Any

import orjson

from regulars.importing import cells
from regulars.importing.refused import Refused

_MOST = 500
_LONGEST = 200
_MARKS = (";", "|", ",")
"""Separators, in the order in which they are looked for; the others are then part of a tag."""
_read = cells.text(_LONGEST)


def tags(raw: Any) -> list[str] | None:
    """The tags of a cell, each once, in their order. `-` and `[]` are the empty list; Refused above 500 tags."""
    if isinstance(raw, list):
        items: list[Any] = raw
    else:
        value = cells.plain(raw).strip()
        if not value:
            return None
        items = [] if value == "-" else _json(value) if value.startswith("[") else _split(value)
    if len(items) > _MOST:
        raise Refused(f"has {len(items):,} tags; at most {_MOST} are kept")
    found = (_read(item) for item in items)
    return list(dict.fromkeys(tag for tag in found if tag))


def _json(value: str) -> list[Any]:
    try:
        found = orjson.loads(value)
    except ValueError:
        return _split(value)
    return found if isinstance(found, list) else [found]


def _split(value: str) -> list[str]:
    """The parts of a text; a separator inside quotation marks belongs to its tag."""
    bare = "".join(part for place, part in enumerate(value.split('"')) if place % 2 == 0)
    mark = next((mark for mark in _MARKS if mark in bare), ",")
    try:
        return [part.strip() for part in next(csv.reader([value], delimiter=mark, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        raise Refused("is not a list", "write the tags with `;` between them, on one line") from None
