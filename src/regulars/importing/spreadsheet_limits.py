"""What a spreadsheet would need in memory, found before it is read: it is unpacked once, piece by piece.

A reader of spreadsheets holds a sheet as a rectangle of cells, so one far cell is as dear as a full sheet, and copies a
shared text into each cell that names it.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from array import array
from pathlib import Path
from typing import IO

from lxml import etree

from regulars.importing.file_forms import invalid

MOST_UNPACKED = 1_000_000_000
"""Bytes of a workbook's content, and of the texts in its cells."""
MOST_CELLS = 12_000_000
"""Cells of the rectangle around a sheet's data, of about 100 bytes each: twelve columns with a million rows."""
_PIECE = 1 << 20
_OVERLAP = 256
_NAME = re.compile(rb"""\br=["']([A-Z]{1,3})?(\d{1,7})["']""")
_SHARED = re.compile(rb"""\bt=["']s["'][^>]*>\s*<(?:\w+:)?v\s*>\s*(\d{1,9})\s*<""")
_END = re.compile(rb"</(?:\w+:)?si\s*>")
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TYPE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
_STRINGS = "xl/sharedStrings.xml"
_AS_CSV = "save the sheet as CSV UTF-8, which can have any size"


def check_limits(path: Path) -> None:
    """Raises Invalid for a spreadsheet whose content is larger than the limits, or cannot be unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED:
                raise invalid(path, f"unpacked it has more than {MOST_UNPACKED:,} bytes", hint=_AS_CSV)
            texts = array("L")
            for member in sorted(archive.infolist(), key=lambda one: one.filename != _STRINGS):
                with archive.open(member) as content:
                    if member.filename == _STRINGS:
                        _measure_texts(content, texts)
                    elif member.filename == "content.xml":
                        _count_ods(path, content)
                    else:
                        _count_xlsx(path, content, texts, counted=member.filename.startswith("xl/worksheets/"))
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, etree.XMLSyntaxError) as error:
        raise invalid(path, f"the spreadsheet cannot be unpacked: {error}", hint="save it again") from None


def _measure_texts(content: IO[bytes], texts: array[int]) -> None:
    """Adds the bytes of each shared text, with its markup."""
    begun, place, rest = 0, 0, b""
    while piece := content.read(_PIECE):
        joined = rest + piece
        start = place - len(rest)
        for found in _END.finditer(joined):
            if start + found.end() > begun:
                texts.append(start + found.end() - begun)
                begun = start + found.end()
        place += len(piece)
        rest = joined[-_OVERLAP:]


def _count_xlsx(path: Path, content: IO[bytes], texts: array[int], *, counted: bool) -> None:
    """Counts the rectangle by the names of cells (`r="C7"`) and of rows (`r="7"`), and the shared texts."""
    widest, deepest, size, rest = 0, 0, 0, b""
    names: set[bytes] = set()
    while piece := content.read(_PIECE):  # the reader of the archive stops at the stated size, and checks the sum
        if not counted:
            continue
        if b"\0" in piece:
            raise invalid(path, "a sheet is not UTF-8", hint="save it again")
        for letters, number in _NAME.findall(rest + piece):
            deepest = max(deepest, int(number))
            if letters not in names:
                names.add(letters)
                widest = max(widest, _column(letters))
        size += sum(texts[number] for one in _SHARED.findall(rest + piece) if (number := int(one)) < len(texts))
        rest = piece[-_OVERLAP:]
        _refuse_many(path, widest * deepest, size)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _count_ods(path: Path, content: IO[bytes]) -> None:
    """Counts cells up to the last with a value in each row, and their texts, each as often as it is repeated."""
    cells = size = 0
    place = width = text = 0
    tags = (f"{_TABLE}table-cell", f"{_TABLE}table-row")
    for _, node in etree.iterparse(content, events=("end",), tag=tags, no_network=True):
        if node.tag == tags[0]:
            times = _times(node, "columns")
            place += times
            if node.get(_TYPE) is not None:
                width = place
                text += times * sum(map(len, node.itertext()))
        else:
            times = _times(node, "rows")
            cells += width * times
            size += text * times
            place = width = text = 0
            _refuse_many(path, cells, size)
            node.clear()
            while node.getprevious() is not None:
                del node.getparent()[0]


def _times(node: etree._Element, what: str) -> int:
    text = node.get(f"{_TABLE}number-{what}-repeated") or "1"
    return int(text) if text.isdecimal() and len(text) < 10 else MOST_CELLS + 1


def _refuse_many(path: Path, cells: int, size: int) -> None:
    if cells > MOST_CELLS:
        raise invalid(path, f"a sheet reaches over more than {MOST_CELLS:,} cells", hint=_AS_CSV)
    if size > MOST_UNPACKED:
        raise invalid(path, f"the texts of a sheet have more than {MOST_UNPACKED:,} bytes", hint=_AS_CSV)
