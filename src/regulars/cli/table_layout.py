"""A table as lines of text that fit a width: cells are broken at blanks only, never within a word.

Where even the longest words side by side are too wide, empty columns are left out; if that is not enough, each row
is printed as a few lines of `heading: value`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

NOTHING = frozenset({"", "–"})
"""Cells that count as empty."""
_GAPS = (3, 2)
"""Blanks between columns: the normal number, and fewer in narrow terminals."""
Rows = Sequence[Sequence[str]]


def table_lines(headings: Sequence[str], rows: Rows, numbers: Sequence[int], width: int) -> tuple[str, list[str]]:
    """The line of headings, empty where rows are printed as lines, and the lines below it; none ends in blanks."""
    columns = range(len(headings))
    for kept in (columns, [c for c in columns if any(row[c] not in NOTHING for row in rows)]):
        for gap in _GAPS:
            widths = _widths([[headings[c], *(row[c] for row in rows)] for c in kept], width - gap * (len(kept) - 1))
            if widths is not None:
                right = [c in numbers for c in kept]
                lines = [_row([cells[c] for c in kept], widths, right, gap) for cells in [headings, *rows]]
                head, *below = ["\n".join(line) for line in lines]
                rule = "─" * max(cell_len(line) for line in [*lines[0], *(part for row in lines for part in row)])
                return head, [rule, *below]
    return "", [line for row in rows for line in _record(headings, row, width)]


def wrapped(text: str, width: int) -> list[str]:
    """The text as lines of at most that many columns; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """How wide each column becomes; None where the longest words do not fit side by side."""
    least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    widths = [max(cell_len(cell) for cell in column) for column in columns]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max((c for c in range(len(widths)) if widths[c] > least[c]), key=lambda c: widths[c])
        widths[widest] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], gap: int) -> list[str]:
    folded = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, folded))
    return [
        (" " * gap)
        .join(
            _padded(lines[place] if place < len(lines) else "", width, to_the_right)
            for lines, width, to_the_right in zip(folded, widths, right, strict=True)
        )
        .rstrip()
        for place in range(height)
    ]


def _padded(text: str, width: int, to_the_right: bool) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if to_the_right else text + blanks


def _record(headings: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    """A row as lines: its first cell, and below it the other cells."""
    first, *more = wrapped(row[0], width)
    lines = [first, *(f"  {line}" for line in more)]
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        if cell not in NOTHING:
            head, *following = wrapped(f"{heading}: {cell}", width - 4)
            lines += [f"  {head}", *(f"    {line}" for line in following)]
    return lines
