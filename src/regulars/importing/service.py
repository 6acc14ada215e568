"""Importing: rows of a file or a list are read, checked and written batch by batch; faulty rows are reported.

Each batch is one transaction that also updates facts, so an import can be killed and run again. Memory does not
grow with the number of rows. Only one import writes at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson
from sqlalchemy import Connection, Engine

from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import analyze, write
from regulars.db.locks import AdvisoryLock, lock
from regulars.importing.alias_list import Aliases
from regulars.importing.appointments import Appointments
from regulars.importing.columns import Columns
from regulars.importing.consent_list import Consents
from regulars.importing.coupons import Codes, Redemptions
from regulars.importing.customers import Customers, Managers
from regulars.importing.events import Events
from regulars.importing.file_forms import invalid, is_spreadsheet
from regulars.importing.ledger_rows import LedgerRows
from regulars.importing.options import ImportOptions
from regulars.importing.preference_list import Preferences
from regulars.importing.products import Products
from regulars.importing.purchases import Purchases
from regulars.importing.report import BadRow, ImportReport, Kind
from regulars.importing.row_source import RowSource
from regulars.importing.rows import Importer, Row, read_row
from regulars.importing.seen_keys import Seen
from regulars.importing.source_file import AddressFile, FileSource
from regulars.importing.spreadsheet import SheetSource
from regulars.importing.suppression_list import Suppressions

MOST_LISTED = 1_000
"""Maximum faults in a report; the rest are counted."""
_MANY = 5_000
"""Rows after which the database's statistics are updated; for fewer it does so itself."""

_IMPORTERS: Mapping[Kind, type[Importer]] = {
    Kind.CUSTOMERS: Customers,
    Kind.PURCHASES: Purchases,
    Kind.PRODUCTS: Products,
    Kind.EVENTS: Events,
    Kind.APPOINTMENTS: Appointments,
    Kind.MANAGERS: Managers,
    Kind.COUPONS: Codes,
    Kind.REDEMPTIONS: Redemptions,
    Kind.SUPPRESSIONS: Suppressions,
    Kind.ALIASES: Aliases,
    Kind.CONSENTS: Consents,
    Kind.PREFERENCES: Preferences,
    Kind.LEDGER: LedgerRows,
}

Progress = Callable[[int, int], None]
"""Called after each batch with the bytes read and the total bytes."""


def import_file(
    engine: Engine,
    kind: Kind,
    path: Path,
    *,
    now: datetime,
    secret: bytes,
    mapping: Mapping[str, str] | None = None,
    options: ImportOptions | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Imports a CSV or JSON Lines file; raises what `import_rows` does, and NotFound.

    Suppressions can be a bare list of addresses, one per line.
    """
    options = options or ImportOptions()
    with open_source(kind, path, options) as source:
        return import_rows(
            engine, kind, source, now=now, secret=secret, mapping=mapping, options=options,
            after_batch=(lambda: progress(source.position, source.size)) if progress else None,
        )  # fmt: skip


def open_source(kind: Kind, path: Path, options: ImportOptions) -> FileSource | SheetSource:
    """The file as a source of rows. Raises Invalid, NotFound, EnvironmentFailed."""
    addresses = kind is Kind.SUPPRESSIONS
    if is_spreadsheet(path):
        return SheetSource(path, options.sheet, addresses=addresses)
    if options.sheet is not None:
        raise invalid(path, f"the file has no sheet `{options.sheet}`: it is no spreadsheet")
    return AddressFile(path, options.encoding) if addresses else FileSource(path, options.encoding)


def importer_for(kind: Kind, options: ImportOptions, now: datetime, secret: bytes, seen: Seen) -> Importer:
    """What reads and writes rows of the kind."""
    return _IMPORTERS[kind](options, now, secret, seen)


def import_rows(
    engine: Engine,
    kind: Kind,
    source: RowSource,
    *,
    now: datetime,
    secret: bytes,
    mapping: Mapping[str, str] | None = None,
    options: ImportOptions | None = None,
    after_batch: Callable[[], object] | None = None,
) -> ImportReport:
    """Imports the rows into the database; unchanged rows are not written.

    `mapping` gives the meaning of source columns. Raises Invalid when the source as a whole cannot be read,
    EnvironmentFailed; a faulty row raises nothing and is in the report.
    """
    options = options or ImportOptions()
    with Seen() as seen, _Complaints(options.bad_rows) as complaints:
        importer = importer_for(kind, options, now, secret, seen)
        columns = Columns(source, importer.columns(), mapping or {}, importer.recogniser)
        if source.header is not None:
            columns.settle(source.header)
            columns.require_mapped(1)
            columns.require(importer.needed, 1)
        tally = _Tally()
        for batch in _batches(importer.units(_rows(source, importer, columns, tally)), options.batch):
            _write(engine, importer, batch, tally, complaints)
            if after_batch:
                after_batch()
        if source.header is None:
            columns.require_mapped(1)
            columns.require(importer.needed, 1)
        with _batch(engine) as connection:
            complaints.extend(importer.finish(connection))
        if tally.rows >= _MANY:
            analyze(engine)
        return tally.report(kind, columns, complaints, importer)


def _rows(source: RowSource, importer: Importer, columns: Columns, tally: _Tally) -> Iterator[Row]:
    for record in source:
        tally.rows += 1
        row = read_row(record, columns)
        if not row.faults:
            importer.check(row)
        yield row


def _batches(units: Iterable[list[Row]], size: int) -> Iterator[list[list[Row]]]:
    batch: list[list[Row]] = []
    rows = 0
    for unit in units:
        batch.append(unit)
        rows += len(unit)
        if rows >= size:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _write(engine: Engine, importer: Importer, batch: list[list[Row]], tally: _Tally, complaints: _Complaints) -> None:
    good = [unit for unit in batch if not any(row.faults for row in unit)]
    if good:
        with _batch(engine) as connection:
            written = importer.write(connection, good)
        tally.added += written.added
        tally.changed += written.changed
        tally.unchanged += written.unchanged
    for unit in batch:
        for row in unit:
            if row.faults:
                tally.refused += 1
                complaints.extend(row.faults, row.cells)


@contextmanager
def _batch(engine: Engine) -> Iterator[Connection]:
    """One transaction of an import, under a lock, so that two imports cannot deadlock."""
    with write(engine) as connection:
        lock(connection, AdvisoryLock.IMPORT)
        yield connection


@dataclass(slots=True)
class _Tally:
    """Running counts."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0

    def report(self, kind: Kind, columns: Columns, complaints: _Complaints, importer: Importer) -> ImportReport:
        """The report with the final counts."""
        return ImportReport(
            kind=kind,
            rows=self.rows,
            added=self.added,
            changed=self.changed,
            unchanged=self.unchanged,
            refused=self.refused,
            bad=complaints.kept,
            bad_total=complaints.total,
            columns={header: column.name for header, column in columns.used.items()},
            ignored=dict(columns.ignored),
            notes=(*(f"{count:,} {words}" for words, count in importer.notes.items()), *columns.warnings),
        )


class _Complaints:
    """Faults: the first thousand in memory, all of them in a file if requested."""

    def __init__(self, path: Path | None) -> None:
        self.kept: list[BadRow] = []
        self.total = 0
        self._path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def extend(self, faults: Iterable[BadRow], cells: Mapping[str, Any] | None = None) -> None:
        """Adds the faults of one row, and writes its cells with them to the file for correction."""
        found = list(faults)
        self.total += len(found)
        self.kept += found[: max(0, MOST_LISTED - len(self.kept))]
        if found and self._path:
            reasons = [fault.to_dict() for fault in found]
            row = {str(key): _storable(value) for key, value in (cells or {}).items()}
            self._write({**row, "_line": found[0].line, "_faults": reasons})

    def _write(self, row: Mapping[str, Any]) -> None:
        try:
            if self._file is None:
                assert self._path is not None
                self._file = self._path.open("wb")
            self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        except OSError as error:
            raise EnvironmentFailed(f"cannot write {self._path}: {error.strerror}") from error


def _storable(value: Any) -> Any:
    """A cell as a JSON value: invalid bytes are escaped."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
