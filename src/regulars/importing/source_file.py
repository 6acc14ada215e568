"""A CSV or JSON Lines file as a stream of records, each with its first line number. Constant memory.

The format follows from the file's name, or its first character. Invalid rows (too many cells, broken JSON)
are yielded in place as records with a fault.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

import orjson

from regulars.core.errors import EnvironmentFailed, NotFound
from regulars.importing.file_forms import SAMPLE, encoding_of, invalid, refuse_twins, refuse_undecoded
from regulars.importing.footers import without_footer
from regulars.importing.row_source import LONGEST, TOO_LONG, Record, RowSource

_JSON_NAMES = frozenset({".jsonl", ".ndjson", ".json"})
_DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r"""["']?sep=([,;|\t])["']?""", re.IGNORECASE)
_TITLES = 5
"""Maximum number of lines above the names of the columns."""
_ADDRESS = re.compile(r"""["'<]?[^\s,;"'<>{}:]+@[^\s,;"'<>{}:]+["'>]?[,;]?""")
"""A line with an address only."""


class FileSource(RowSource):
    """An open file. `header` is None for JSON Lines."""

    path: Path
    notes: list[str]

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self.notes = []
        self._encoding = encoding
        self._binary, self.size = _opened(path)
        try:
            self._text = _decoded(self._binary, path, encoding)
            self.header, self._records = self._begun()
        except BaseException:
            self._binary.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._text.close()

    def __iter__(self) -> Iterator[Record]:
        return self._records

    def again(self) -> Iterator[Record]:
        with type(self)(self.path, self._encoding) as source:
            yield from source

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._binary.tell()

    def _begun(self) -> tuple[list[str] | None, Iterator[Record]]:
        first, line = _first_line(self._text)
        if first is None:
            raise invalid(self.path, "the file is empty", line=1)
        if self.path.suffix.lower() in _JSON_NAMES or first.lstrip().startswith("{"):
            if first.lstrip().startswith("["):
                hint = "write one object to a line, without brackets around them"
                raise invalid(self.path, "this is one JSON array, not JSON Lines", line, hint)
            return None, _json_records(_again(first, self._text), line)
        stated = _SEPARATOR.fullmatch(first.strip())
        if stated:
            first, number = _first_line(self._text)
            line += number
            if first is None:
                raise invalid(self.path, "the file is empty", line=line)
        ahead = [first, *itertools.islice(iter(lambda: self._text.readline(LONGEST), ""), _TITLES + 1)]
        titles = _titles(ahead)
        if titles:
            self.notes.append(f"{titles} lines above the names of the columns were left out: `{first.strip()[:60]}`")
        ahead, line = ahead[titles:], line + titles
        delimiter = stated[1] if stated else _delimiter(ahead[0])
        lines = itertools.chain(ahead, iter(lambda: self._text.readline(LONGEST), ""))
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            header = [name.strip() for name in next(reader)]
        except csv.Error as error:
            raise invalid(self.path, f"the first line cannot be read: {error}", line) from None
        while header and not header[-1]:
            header.pop()
        refuse_undecoded(self.path, delimiter.join(header).encode("utf-8", "surrogateescape"))
        refuse_twins(self.path, header, line)
        records = _csv_records(reader, header, delimiter, line - 1)
        return header, without_footer(records, len(header), self.notes)


class AddressFile(FileSource):
    """A file of addresses: one per line, or with a header line like any other file."""

    def _begun(self) -> tuple[list[str] | None, Iterator[Record]]:
        first, line = _first_line(self._text)
        if first is None or not _ADDRESS.fullmatch(first.strip()):
            self._text.seek(0)
            return super()._begun()
        return ["email"], _address_records(_again(first, self._text), line)


def _opened(path: Path) -> tuple[BinaryIO, int]:
    try:
        return path.open("rb"), path.stat().st_size
    except FileNotFoundError:
        raise NotFound("file", str(path)) from None
    except OSError as error:
        raise EnvironmentFailed(f"cannot read {path}: {error.strerror}") from error


def _decoded(binary: BinaryIO, path: Path, encoding: str | None) -> TextIO:
    """The file as text. An invalid byte stays in its cell as a lone surrogate, so that its row can be reported."""
    if encoding is None:
        start = binary.read(SAMPLE)
        binary.seek(0)
        encoding = encoding_of(path, start)
    try:
        return io.TextIOWrapper(binary, encoding=encoding, errors="surrogateescape", newline="")
    except LookupError:
        raise invalid(path, f"`{encoding}` is not an encoding", expected="utf-8, utf-16, cp1252, cp1251 …") from None


def _first_line(text: TextIO) -> tuple[str | None, int]:
    """The first non-empty line, and its number."""
    number = 0
    while line := text.readline(LONGEST):
        number += 1
        if line.strip(" \t\r\n,;\ufeff"):
            return line, number
    return None, 1


def _again(first: str, rest: TextIO) -> Iterator[str]:
    yield first
    yield from iter(lambda: rest.readline(LONGEST), "")


def _delimiter(header: str) -> str:
    """The most frequent delimiter in the first line, outside quotation marks."""
    bare = "".join(part for place, part in enumerate(header.split('"')) if place % 2 == 0)
    return max(_DELIMITERS, key=lambda mark: (bare.count(mark), -_DELIMITERS.index(mark)))


def _titles(lines: Sequence[str]) -> int:
    """How many lines stand above the names of the columns: text in one cell, above names and their first row."""
    title = lines[0].strip()
    if len(_cells(title)) > 1 or "@" in title or (" " not in title and _delimiter(title) not in title):
        return 0
    for number, (line, row) in enumerate(itertools.pairwise(lines[1:]), 1):
        names = _cells(line)
        if len(names) > 1:
            mark = _delimiter(line)
            named = len(set(names)) == len(names) and not any("@" in name or name[0].isdigit() for name in names)
            return number if named and row.count(mark) == line.count(mark) else 0
    return 0


def _cells(line: str) -> list[str]:
    """The cells of a line that are not empty."""
    return [cell for part in line.strip().split(_delimiter(line)) if (cell := part.strip().strip('"'))]


def _csv_records(reader: Any, header: list[str], delimiter: str, offset: int) -> Iterator[Record | None]:
    """The rows; None for an empty line. A quotation mark in the wrong place is a fault, else it could hide rows."""
    while True:
        line = reader.line_num + 1 + offset
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(line, fault=(f"cannot be read: {error}", "is there a quotation mark that is not closed?"))
            continue
        cells = dict(zip(header, row, strict=False))
        if any(extra.strip() for extra in row[len(header) :]):
            hint = f"a value with `{delimiter}` in it needs quotation marks around it"
            yield Record(line, cells, (f"has {len(row)} cells; the first line has {len(header)}", hint))
        else:
            yield Record(line, cells) if any(row) else None


def _address_records(lines: Iterator[str], start: int) -> Iterator[Record]:
    for number, line in enumerate(lines, start):
        if address := line.strip().strip(",;\"'<>").strip():
            yield Record(number, {"email": address})


def _json_records(lines: Iterator[str], start: int) -> Iterator[Record]:
    for number, line in enumerate(lines, start):
        if not line.strip():
            continue
        if len(line) >= LONGEST:
            yield Record(number, fault=TOO_LONG)
            continue
        try:
            value = orjson.loads(line)
        except ValueError as error:
            yield Record(number, fault=(f"is not JSON: {str(error).partition(': line')[0]}", _byte_hint(line)))
            continue
        if isinstance(value, dict):
            yield Record(number, value)
        else:
            yield Record(number, fault=("is not a JSON object", 'expected `{"column": value, …}`'))


def _byte_hint(line: str) -> str | None:
    bad = any("\udc80" <= character <= "\udcff" for character in line)
    return "it has bytes that are not UTF-8: save the file as UTF-8" if bad else None
