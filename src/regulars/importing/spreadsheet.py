"""A sheet of a spreadsheet (xlsx, ods) as a stream of records, each with its row number.

Cells keep their type: a date is written as ISO text, a number stays a number, an error is an empty cell. The sheet is
held in memory; `spreadsheet_limits` bounds it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from regulars.core import extras
from regulars.core.diagnostics import did_you_mean
from regulars.importing.file_forms import invalid, refuse_twins
from regulars.importing.footers import without_footer
from regulars.importing.row_source import Record, RowSource
from regulars.importing.spreadsheet_limits import check_limits

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_TITLES = 5
"""Maximum number of rows above the names of the columns."""
_WHOLE = 2**53
Cells = Sequence[Any]


class SheetSource(RowSource):
    """One sheet. Raises Invalid where it is not certain which; with `addresses`, it may have no names of columns."""

    path: Path
    notes: list[str]
    header: list[str]

    def __init__(self, path: Path, sheet: str | None = None, *, addresses: bool = False) -> None:
        extras.require("excel", f"reading the spreadsheet {path.name}")
        check_limits(path)
        self.path = path
        self.size = path.stat().st_size
        self.notes = []
        self._addresses = addresses
        self._book = _opened(path)
        self._sheet = _chosen(path, self._book, sheet)
        self._read = 0
        above, self.header = self._names()
        self._first = above + 1
        if above:
            title = next((cell for cell in next(self._rows()) if cell != ""), "")
            self.notes.append(f"{above} rows above the names of the columns were left out: `{str(title)[:60]}`")
        refuse_twins(path, self.header, self._number(above))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def __iter__(self) -> Iterator[Record]:
        return without_footer(self._records(), len(self.header), self.notes)

    def again(self) -> Iterator[Record]:
        return without_footer(self._records(), len(self.header), [])

    @property
    def position(self) -> int:
        """The part of the file that was read, in bytes."""
        return self.size * self._read // max(1, self._sheet.height)

    def _rows(self) -> Iterator[Cells]:
        return (list(map(_plain, row)) for row in self._sheet.iter_rows())

    def _number(self, place: int) -> int:
        """The row's number in the sheet, from 1."""
        start = self._sheet.start
        return (start[0] if start else 0) + place + 1

    def _names(self) -> tuple[int, list[str]]:
        """How many rows are above the names of the columns, and these."""
        ahead = list(itertools.islice(self._rows(), _TITLES + 1))
        sizes = [sum(cell != "" for cell in row) for row in ahead]
        above = next((place for place, size in enumerate(sizes) if size > 1), 0)
        if self._addresses and above == 0 and "@" in str(ahead[0][0]):
            return -1, ["email"]
        names = [str(cell).strip() for cell in ahead[above]]
        while names and not names[-1]:
            names.pop()
        return above, names

    def _records(self) -> Iterator[Record | None]:
        width = len(self.header)
        for place, row in enumerate(itertools.islice(self._rows(), self._first, None), self._first):
            self._read = place + 1
            if all(cell == "" for cell in row):
                yield None
                continue
            cells = dict(zip(self.header, row, strict=False))
            beyond = any(cell != "" for cell in row[width:])
            fault = ("has a cell in a column without a name", "name the column in its first row") if beyond else None
            yield Record(self._number(place), cells, fault)


def _opened(path: Path) -> CalamineWorkbook:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError:
        raise invalid(path, "the spreadsheet has a password", hint="save it without one") from None
    except (CalamineError, ValueError, OSError) as error:
        raise invalid(path, f"the spreadsheet cannot be read: {error}", hint="save it again, or as CSV") from None


def _chosen(path: Path, book: CalamineWorkbook, name: str | None) -> CalamineSheet:
    """The named sheet, or the only one with data that is not hidden."""
    from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum

    sheets = [one for one in book.sheets_metadata if one.typ is SheetTypeEnum.WorkSheet]
    names = [one.name for one in sheets]
    if name is not None and name not in names:
        have = ", ".join(f"`{one}`" for one in names)
        raise invalid(path, f"the file has no sheet `{name}`", hint=did_you_mean(name, names), expected=have)
    seen = [name] if name is not None else [one.name for one in sheets if one.visible is SheetVisibleEnum.Visible]
    try:
        found = [sheet for one in seen if (sheet := book.get_sheet_by_name(one)).height]
    except (CalamineError, ValueError) as error:
        raise invalid(path, f"the spreadsheet cannot be read: {error}", hint="save it again, or as CSV") from None
    if not found:
        raise invalid(path, f"the sheet `{name}` is empty" if name else "no sheet has data in it")
    if len(found) > 1:
        have = ", ".join(f"`{sheet.name}`" for sheet in found)
        raise invalid(path, f"{len(found)} sheets have data: {have}", hint=f'say which: `--sheet "{found[0].name}"`')
    return found[0]


def _plain(cell: Any) -> Any:
    """A cell as a value of JSON."""
    match cell:
        case bool() | str() | int():
            return cell
        case float():
            return int(cell) if cell.is_integer() and abs(cell) < _WHOLE else cell
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            minutes, seconds = divmod(round(cell.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    return "" if cell is None else str(cell)
