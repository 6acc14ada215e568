"""Rows from the source to the database, and the base of all kinds of import."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import Connection

from regulars.db.types import from_micros
from regulars.importing import cells, date_formats, numbers
from regulars.importing.cells import Reader
from regulars.importing.columns import Column, Columns, Recogniser
from regulars.importing.options import ImportOptions
from regulars.importing.refused import Refused, TwoWays
from regulars.importing.report import BadRow
from regulars.importing.row_source import Record, Unit
from regulars.importing.seen_keys import Seen
from regulars.rules.model import FieldType

_SHOWN = 80
"""Maximum characters of a refused value in the report."""


@dataclass(slots=True)
class Row:
    """One row: its raw cells, its values, and its faults."""

    line: int
    cells: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[BadRow] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    """The source's name of a value's column."""
    unit: Unit = "line"
    """The unit of `line`."""

    def get(self, name: str) -> Any:
        """The value, or None when missing."""
        return self.values.get(name)

    def has_cell(self, name: str) -> bool:
        """Whether the row has a cell for the value, even if empty."""
        return self.headers.get(name) in self.cells

    def refuse(self, reason: str, hint: str | None = None, name: str | None = None) -> None:
        """Refuses the row."""
        header = self.headers.get(name, name) if name else None
        raw = self.cells.get(header) if header else None
        self.faults.append(BadRow(self.line, header, _shown(raw), reason, hint))


@dataclass(frozen=True, slots=True)
class Written:
    """The result of writing a batch."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


class Importer(ABC):
    """How one kind of row is read and written. `notes` are counted for the report."""

    needed: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """The source must have at least one column of each tuple."""

    def __init__(self, options: ImportOptions, now: datetime, secret: bytes, seen: Seen) -> None:
        self.options = options
        self.now = now
        self.secret = secret
        self.seen = seen
        self.notes: Counter[str] = Counter()
        self.recogniser: Recogniser | None = None

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """All columns of this kind of row."""

    @abstractmethod
    def check(self, row: Row) -> None:
        """Completes a row with valid cells, or refuses it."""

    def units(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """Groups rows that describe one object; by default each row is its own group."""
        for row in rows:
            yield [row]

    @abstractmethod
    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        """Writes the valid rows; refuses rows whose client or manager is unknown."""

    def finish(self, connection: Connection) -> list[BadRow]:
        """Finishes after the last row; returns faults found then."""
        return []

    def refuse_twin(self, row: Row, name: str, what: str) -> None:
        """Refuses a row with the key of an earlier row."""
        first = self.seen.first(str(row.get(name)), row.line)
        if first != row.line:
            row.refuse(f"{what} `{row.get(name)}` is on {row.unit} {first} already", "keep one of the two rows", name)


def read_row(record: Record, columns: Columns) -> Row:
    """Reads every cell of a record; several can be refused at once."""
    row = Row(record.line, record.cells, headers=columns.headers, unit=columns.source.unit)
    if record.fault:
        row.refuse(*record.fault)
        return row
    for header, raw in record.cells.items():
        column = columns.used.get(header)
        if column is None:
            if header and header not in columns.ignored:  # a key without a name is not a column
                columns.settle(record.cells)
                return read_row(record, columns)
            continue
        cell = cells.without_marks(raw) if type(raw) is str else raw
        if cell is None or cell == "":
            continue
        try:
            value = _read(columns, header, column, cell)
        except Refused as refused:
            if column.lenient:
                hint = f"; {refused.hint}" if refused.hint else ""
                example = f"`{_shown(raw)}` ({row.unit} {row.line}) {refused.reason}{hint}"
                columns.warn(header, "could not be read and were left out", example)
                continue
            row.faults.append(BadRow(record.line, header, _shown(raw), refused.reason, refused.hint))
            continue
        if type(value) is cells.Partly:
            columns.warn(header, "were read in part", f"`{_shown(raw)}` ({row.unit} {row.line}) {value.warning}")
            value = value.value
        if value is not None:
            row.values[column.key] = value
    return row


def _read(columns: Columns, header: str, column: Column, raw: Any) -> Any:
    try:
        return column.read(raw)
    except TwoWays:
        decided = columns.decide(header)
        if decided is None:
            raise
        return decided.read(raw)


def field_reader(kind: FieldType, options: ImportOptions) -> Reader:
    """A reader of a declared field; returns a JSON value."""
    return _field_reader(kind, options.decimal, options.dates, options.timezone)


@lru_cache(maxsize=512)
def _field_reader(kind: FieldType, decimal: str | None, order: str | None, zone_name: str) -> Reader:
    if kind is FieldType.NUMBER:
        number = numbers.decimal(decimal)
        return lambda raw: _as_number(number(raw))
    if kind is FieldType.BOOL:
        return cells.yes_or_no
    if kind is FieldType.DATE:
        day = date_formats.day(order)
        return lambda raw: _iso(day(raw))
    if kind is FieldType.INSTANT:
        moment = date_formats.moment(order, zone_name)
        return lambda raw: _utc(moment(raw))
    if kind is FieldType.LIST:
        return cells.choices
    return cells.text(2_000)


OWN = "own:"
"""The key prefix of declared fields in a row, separate from built-in columns."""


def own_columns(names: Iterable[str], taken: Iterable[str], reader: Callable[[str], Reader]) -> list[Column]:
    """Columns for declared fields; a built-in name keeps its meaning."""
    free = sorted(set(names) - set(taken))
    return [Column(name, reader(name), slot=OWN + name) for name in free]


def own_values(row: Row) -> dict[str, Any]:
    """The row's values of declared fields, by name."""
    return {key.removeprefix(OWN): value for key, value in row.values.items() if key.startswith(OWN)}


def typed(
    row: Row, values: Mapping[str, Any], fields: Mapping[str, FieldType], options: ImportOptions
) -> dict[str, Any]:
    """The data of an event, with each declared field converted to its type; others unchanged."""
    found = {}
    for name, raw in values.items():
        kind = fields.get(name)
        try:
            found[name] = raw if kind is None or raw is None else field_reader(kind, options)(raw)
        except Refused as refused:
            row.refuse(f"`{name}`: {refused.reason}", refused.hint, OWN + name)
    return found


def _shown(raw: Any) -> str | None:
    if raw is None:
        return None
    value = raw if isinstance(raw, str) else repr(raw)
    value = value.encode("utf-8", "backslashreplace").decode()
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"


def _as_number(value: Any) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _iso(value: Any) -> str | None:
    return None if value is None else str(value.isoformat())


def _utc(value: date_formats.Moment | None) -> str | None:
    return None if value is None else from_micros(value.micros).isoformat()
