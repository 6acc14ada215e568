"""Lines of text and sums below a table, which reports add: they are left out with a note, or refused between rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from regulars.importing.columns import plain_name
from regulars.importing.row_source import Record

_MOST = 20
_TOTALS = frozenset(
    "total totals sum subtotal grandtotal count итого всего разом усього summe gesamt suma kokku somme".split()
)
"""Words that begin a line of sums, compared like names of columns."""
_NO_ROW = ("has one cell only", "is it a line of text between the rows? delete it")


def without_footer(records: Iterable[Record | None], width: int, notes: list[str]) -> Iterator[Record]:
    """The records without the lines of text and sums below the last one, and a note about them; None: an empty line."""
    footer: list[Record] = []
    below = False
    for record in records:
        if record is None:
            below = True
        elif width > 1 and len(footer) < _MOST and _is_text(record, below=below or bool(footer)):
            footer.append(record)
        else:
            yield from (replace(one, fault=_NO_ROW) for one in footer)
            footer, below = [], False
            yield record
    if footer:
        example = str(next(iter(footer[0].cells.values())))[:60]
        notes.append(f"{len(footer)} lines at the end were left out as the footer of a report: `{example}`")


def _is_text(record: Record, *, below: bool) -> bool:
    """Whether a row looks like a line of text or sums and not like data; `below` an empty line one cell is enough."""
    cells = ["" if cell is None else str(cell) for cell in record.cells.values()]
    if record.fault is not None or any("@" in cell for cell in cells):
        return False
    first, *others = cells
    if plain_name(first) in _TOTALS:
        return True
    lone = bool(first) and not any(others)
    return lone and ((below and not others) or " " in first.strip() or ":" in first)
