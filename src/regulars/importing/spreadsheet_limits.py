"""What a spreadsheet would need in memory, found before it is read: it is unpacked once, piece by piece.

A reader of spreadsheets holds a sheet as a rectangle of cells, so one far cell is as dear as a full sheet.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from lxml import etree

from regulars.importing.file_forms import invalid

MOST_UNPACKED = 1_000_000_000
"""Bytes of a workbook's content; twelve columns with a million rows are about 600 MB."""
MOST_CELLS = 25_000_000
"""Cells of the rectangle around a sheet's data."""
_PIECE = 1 << 20
_OVERLAP = 64
_CELL = re.compile(rb"""\br=["']([A-Z]{1,3})?(\d{1,7})["']""")
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TYPE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
_AS_CSV = "save the sheet as CSV UTF-8, which can have any size"


def check_limits(path: Path) -> None:
    """Raises Invalid for a spreadsheet whose content is larger than the limits, or cannot be unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED:
                raise invalid(path, f"unpacked it has more than {MOST_UNPACKED:,} bytes", hint=_AS_CSV)
            for member in archive.infolist():
                with archive.open(member) as content:
                    _counter(member.filename)(path, content)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, etree.XMLSyntaxError) as error:
        raise invalid(path, f"the spreadsheet cannot be unpacked: {error}", hint="save it again") from None


def _counter(name: str) -> Callable[[Path, IO[bytes]], None]:
    if name == "content.xml":
        return _count_ods
    return _count_xlsx if name.startswith("xl/worksheets/") and name.endswith(".xml") else _unpack


def _unpack(path: Path, content: IO[bytes]) -> None:
    """Reads to the end: the archive's reader stops at the stated size, and checks the sum."""
    while content.read(_PIECE):
        pass


def _count_xlsx(path: Path, content: IO[bytes]) -> None:
    """Counts the rectangle by the names of cells: `r="C7"`, and of rows: `r="7"`."""
    widest, deepest, seen = 0, 0, b""
    names: set[bytes] = set()
    while piece := content.read(_PIECE):
        if b"\0" in piece:
            raise invalid(path, "a sheet is not UTF-8", hint="save it again")
        for letters, number in _CELL.findall(seen + piece):
            if len(number) >= len(str(deepest)):
                deepest = max(deepest, int(number))
            if letters not in names:
                names.add(letters)
                widest = max(widest, _column(letters))
        seen = piece[-_OVERLAP:]
        _refuse_many(path, widest * deepest)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _count_ods(path: Path, content: IO[bytes]) -> None:
    """Counts cells with a value, each as often as it is repeated."""
    cells, width = 0, 0
    parser = etree.iterparse(
        content, events=("end",), tag=(f"{_TABLE}table-cell", f"{_TABLE}table-row"), no_network=True
    )
    place = 0
    for _, node in parser:
        if node.tag.endswith("cell"):
            place += _times(node, "columns")
            if node.get(_TYPE) is not None:
                width = place
        else:
            cells += width * _times(node, "rows")
            place = width = 0
            _refuse_many(path, cells)
            node.clear()
            while node.getprevious() is not None:
                del node.getparent()[0]


def _times(node: etree._Element, what: str) -> int:
    text = node.get(f"{_TABLE}number-{what}-repeated") or "1"
    return int(text) if text.isdecimal() and len(text) < 10 else MOST_CELLS + 1


def _refuse_many(path: Path, cells: int) -> None:
    if cells > MOST_CELLS:
        raise invalid(path, f"a sheet reaches over more than {MOST_CELLS:,} cells", hint=_AS_CSV)
