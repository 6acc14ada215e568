"""Rows on their way from their source to the database, and what every kind of import has in common."""

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
from regulars.importing.columns import Column, Columns
from regulars.importing.options import ImportOptions
from regulars.importing.refused import Refused
from regulars.importing.report import BadRow
from regulars.importing.row_source import Record, Unit
from regulars.importing.seen_keys import Seen
from regulars.rules.model import FieldType

_SHOWN = 80
"""Characters of a refused value that the report repeats."""


@dataclass(slots=True)
class Row:
    """One row: as its source has it, as it was read, and what is wrong with it."""

    line: int
    cells: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[BadRow] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the source calls the column of a value."""
    unit: Unit = "line"
    """What `line` counts."""

    def get(self, name: str) -> Any:
        """The value, or None when the row does not say."""
        return self.values.get(name)

    def has_cell(self, name: str) -> bool:
        """Whether the row has a cell for the value, be it empty."""
        return self.headers.get(name) in self.cells

    def refuse(self, reason: str, hint: str | None = None, name: str | None = None) -> None:
        """Marks the row as one that stays out."""
        header = self.headers.get(name, name) if name else None
        raw = self.cells.get(header) if header else None
        self.faults.append(BadRow(self.line, header, _shown(raw), reason, hint))


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch of things."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


class Importer(ABC):
    """How one kind of row is read and written. `notes` counts what the person should hear of."""

    needed: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Of each tuple, the source must have at least one column."""

    def __init__(self, options: ImportOptions, now: datetime, secret: bytes, seen: Seen) -> None:
        self.options = options
        self.now = now
        self.secret = secret
        self.seen = seen
        self.notes: Counter[str] = Counter()

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """Everything a row of this kind may say."""

    @abstractmethod
    def check(self, row: Row) -> None:
        """Completes a row whose cells could be read, or refuses it."""

    def units(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """Rows that describe one thing together; here each row by itself."""
        for row in rows:
            yield [row]

    @abstractmethod
    def write(self, connection: Connection, units: Sequence[list[Row]]) -> Written:
        """Writes what can be written; refuses rows whose client or manager is not known."""

    def finish(self, connection: Connection) -> list[BadRow]:
        """What can be done only after the last row, and what was wrong then."""
        return []

    def refuse_twin(self, row: Row, name: str, what: str) -> None:
        """Refuses a row whose key has been in an earlier row."""
        first = self.seen.first(str(row.get(name)), row.line)
        if first != row.line:
            row.refuse(f"{what} `{row.get(name)}` is on {row.unit} {first} already", "keep one of the two rows", name)


def read_row(record: Record, columns: Columns) -> Row:
    """Every cell of a record, read; several may be refused at once."""
    row = Row(record.line, record.cells, headers=columns.headers, unit=columns.source.unit)
    if record.fault:
        row.refuse(*record.fault)
        return row
    for header, raw in record.cells.items():
        column = columns.used.get(header)
        if column is None:
            if header and header not in columns.ignored:  # a key without a name is no column
                columns.settle(record.cells)
                return read_row(record, columns)
            continue
        if raw is None or raw == "":
            continue
        try:
            value = column.read(raw)
        except Refused as refused:
            row.faults.append(BadRow(record.line, header, _shown(raw), refused.reason, refused.hint))
            continue
        if value is not None:
            row.values[column.key] = value
    return row


def field_reader(kind: FieldType, options: ImportOptions) -> Reader:
    """A reader of a declared field; gives what JSON can hold."""
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
"""Where a row keeps declared fields: out of the way of the columns that every workspace has."""


def own_columns(names: Iterable[str], taken: Iterable[str], reader: Callable[[str], Reader]) -> list[Column]:
    """Columns for declared fields; a name that every workspace has keeps its own meaning."""
    free = sorted(set(names) - set(taken))
    return [Column(name, reader(name), slot=OWN + name) for name in free]


def own_values(row: Row) -> dict[str, Any]:
    """What the row says about declared fields, by their names."""
    return {key.removeprefix(OWN): value for key, value in row.values.items() if key.startswith(OWN)}


def typed(
    row: Row, values: Mapping[str, Any], fields: Mapping[str, FieldType], options: ImportOptions
) -> dict[str, Any]:
    """The data of an event, each declared field read as its type; what is not declared stays as it is."""
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
