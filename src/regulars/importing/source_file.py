"""A CSV or JSON Lines file as a stream of records, each with its first line number. Constant memory.

The format follows from the file's name, or its first character. Invalid rows (too many cells, broken JSON)
are yielded in place as records with a fault.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

import orjson

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import EnvironmentFailed, Invalid, NotFound
from regulars.importing.row_source import LONGEST, TOO_LONG, Record, RowSource

_JSON_NAMES = frozenset({".jsonl", ".ndjson", ".json"})
_DELIMITERS = ",;\t|"
_ADDRESS = re.compile(r"""["'<]?[^\s,;"'<>{}:]+@[^\s,;"'<>{}:]+["'>]?[,;]?""")
"""A line with an address only."""


class FileSource(RowSource):
    """An open file. `header` is None for JSON Lines."""

    path: Path

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
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
        delimiter = _delimiter(first)
        reader = csv.reader(_again(first, self._text), delimiter=delimiter, skipinitialspace=True)
        try:
            header = [name.strip() for name in next(reader)]
        except csv.Error as error:
            raise invalid(self.path, f"the first line cannot be read: {error}", line) from None
        while header and not header[-1]:
            header.pop()
        _refuse_twins(self.path, header, line)
        return header, _csv_records(reader, header, delimiter, line - 1)


class AddressFile(FileSource):
    """A file of addresses: one per line, or with a header line like any other file."""

    def _begun(self) -> tuple[list[str] | None, Iterator[Record]]:
        first, line = _first_line(self._text)
        if first is None or not _ADDRESS.fullmatch(first.strip()):
            self._text.seek(0)
            return super()._begun()
        return ["email"], _address_records(_again(first, self._text), line)


def invalid(path: Path, message: str, line: int = 1, hint: str | None = None, expected: str | None = None) -> Invalid:
    """A fault of the file as a whole."""
    return Invalid([Diagnostic("D001", message, Span(str(path), line, 1), hint=hint, expected=expected)])


def _opened(path: Path) -> tuple[BinaryIO, int]:
    try:
        return path.open("rb"), path.stat().st_size
    except FileNotFoundError:
        raise NotFound("file", str(path)) from None
    except OSError as error:
        raise EnvironmentFailed(f"cannot read {path}: {error.strerror}") from error


def _decoded(binary: BinaryIO, path: Path, encoding: str | None) -> TextIO:
    """The file as text. An invalid byte stays in its cell as a lone surrogate, so that its row can be reported."""
    start = binary.read(4)
    binary.seek(0)
    if start[:2] == b"PK":
        raise invalid(path, "this is a spreadsheet, not text", hint="save it as CSV UTF-8")
    if encoding is None:
        encoding = "utf-16" if start[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
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


def _refuse_twins(path: Path, header: Sequence[str], line: int) -> None:
    twins = sorted({name for name in header if name and header.count(name) > 1})
    if twins:
        raise invalid(path, f"two columns are called `{twins[0]}`", line, "give each a name of its own")


def _csv_records(reader: Any, header: list[str], delimiter: str, offset: int) -> Iterator[Record]:
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
        elif any(row):
            yield Record(line, cells)


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
