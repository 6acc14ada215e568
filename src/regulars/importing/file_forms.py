"""What a file is by its first bytes: text in which encoding, or something that is refused by its name."""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Sequence
from pathlib import Path

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import Invalid

SAMPLE = 4_096
"""Bytes that are looked at."""
_AS_CSV = "save it as CSV UTF-8"
_MAGIC = (
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (xls)", f"open it and {_AS_CSV}"),
    (b"\x1f\x8b", "a compressed file (gzip)", "unpack it and import what is in it"),
    (b"%PDF", "a PDF document", "export the data as CSV"),
)
_TEXTS = (
    ("<!doctype html", "a web page (some tools call it xls)", f"open it as a spreadsheet and {_AS_CSV}"),
    ("<html", "a web page (some tools call it xls)", f"open it as a spreadsheet and {_AS_CSV}"),
    ("<table", "a web page (some tools call it xls)", f"open it as a spreadsheet and {_AS_CSV}"),
    ("<?xml", "an XML document", f"open it as a spreadsheet and {_AS_CSV}"),
    ("begin:vcard", "an address book (vCard)", "export the contacts as CSV"),
    ("begin:vcalendar", "a calendar (iCalendar)", "export the appointments as CSV"),
)
_ENCODINGS = ("cp1251", "cp1250", "iso8859-2", "cp1252")


def invalid(path: Path, message: str, line: int = 1, hint: str | None = None, expected: str | None = None) -> Invalid:
    """A fault of the file as a whole."""
    return Invalid([Diagnostic("D001", message, Span(str(path), line, 1), hint=hint, expected=expected)])


def encoding_of(path: Path, start: bytes) -> str:
    """The encoding of a text. Raises Invalid for what is no text, or text in an encoding that must be named."""
    for magic, name, hint in _MAGIC:
        if start.startswith(magic):
            raise invalid(path, f"this is {name}, not text", hint=hint)
    if start.startswith(b"PK"):
        raise invalid(path, *_packed(path))
    if start[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return "utf-16"
    first = start[: start.find(b"\n")] if b"\n" in start else start
    if len(first) > 3 and 0 not in first[0::2] and first[1::2].strip(b"\0") == b"":
        return "utf-16-le"
    if len(first) > 3 and first[0::2].strip(b"\0") == b"" and 0 not in first[1::2]:
        return "utf-16-be"
    beginning = start.decode("utf-8-sig", "replace").lstrip().lower()
    for words, name, hint in _TEXTS:
        if beginning.startswith(words):
            raise invalid(path, f"this is {name}, not a table", hint=hint)
    if b"@" not in first and not first.lstrip().startswith(b"{"):  # a row, in which a faulty byte costs only that row
        refuse_undecoded(path, first, whole=b"\n" in start)
    return "utf-8-sig"


def is_spreadsheet(path: Path) -> bool:
    """Whether the file is a spreadsheet that can be read: xlsx, xlsm or ods, by its content."""
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith(b"PK\3\4"):
                return False
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
    return "xl/workbook.xml" in names or {"mimetype", "content.xml"} <= names


def _packed(path: Path) -> tuple[str, int, str]:
    """What is in a ZIP archive, and what to do with it: spreadsheets are archives, too."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "this is a spreadsheet or an archive, not text", 1, _AS_CSV
    if "xl/workbook.bin" in names:
        return "this is a spreadsheet (xlsb), not text", 1, "open it and save it as xlsx, or as CSV UTF-8"
    if any(name.startswith("xl/") for name in names):
        return "this is a spreadsheet (xlsx), not text", 1, f"open it and {_AS_CSV}"
    if "mimetype" in names and "content.xml" in names:
        return "this is a spreadsheet (ods), not text", 1, f"open it and {_AS_CSV}"
    listed = ", ".join(f"`{name[:80]}`" for name in names[:3]) + (", …" if len(names) > 3 else "")
    return f"this is an archive (zip) with {listed or 'nothing in it'}", 1, "unpack it and import each file"


def refuse_undecoded(path: Path, first: bytes, *, whole: bool = True) -> None:
    """Refuses a file whose names of columns are not UTF-8, with what each likely encoding makes of them.

    Where `first` is not the whole line, its last letter may be incomplete.
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first, final=whole)
    except UnicodeDecodeError:
        found: dict[str, str] = {}
        for encoding in _ENCODINGS:
            read = first.decode(encoding, "replace").strip()
            if all(letter.isalpha() for letter in read if not letter.isascii()) and read not in found.values():
                found[encoding] = read
        likely = [f"`--encoding {encoding}` reads `{read[:60]}`" for encoding, read in found.items()]
        hint = f"name its encoding: {', '.join(likely)}" if likely else "save it as UTF-8, or name its encoding"
        raise invalid(path, "the names of the columns are not UTF-8", hint=hint) from None


def refuse_twins(path: Path, header: Sequence[str], line: int) -> None:
    """Raises Invalid when two columns have one name."""
    twins = sorted({name for name in header if name and header.count(name) > 1})
    if twins:
        raise invalid(path, f"two columns are called `{twins[0]}`", line, "give each a name of its own")
