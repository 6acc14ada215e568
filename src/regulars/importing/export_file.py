"""Exports written as CSV or JSON Lines, row by row, into a file that only its owner can read."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TextIO

import orjson
from sqlalchemy import Engine

from regulars.core.errors import EnvironmentFailed
from regulars.db.engine import read
from regulars.importing.cell_writing import csv_cell, json_value
from regulars.importing.export_rows import Exported, ExportKind, export_rows

Form = Literal["csv", "json"]


def export_to(engine: Engine, kind: ExportKind, form: Form, out: TextIO, *, secret: bytes) -> int:
    """Writes all rows of the kind, as of one instant; returns how many. CSV has a header, also without rows."""
    with read(engine) as connection:
        exported = export_rows(connection, kind, secret)
        return _write_csv(exported, out) if form == "csv" else _write_json(exported, out)


def _write_csv(exported: Exported, out: TextIO) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(exported.columns)
    count = 0
    for row in exported.rows:
        writer.writerow([csv_cell(row.get(name)) for name in exported.columns])
        count += 1
    return count


def _write_json(exported: Exported, out: TextIO) -> int:
    count = 0
    for row in exported.rows:
        count += 1
        cells = {name: json_value(row[name]) for name in exported.columns if row.get(name) is not None}
        out.write(orjson.dumps(cells, option=orjson.OPT_APPEND_NEWLINE).decode())
    return count


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """A new file with mode 0600 that takes the place of `path` when all of it is written; raises EnvironmentFailed."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        Path(name).replace(path)
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            Path(name).unlink()
