"""Reads addresses only, from a file or a list: the valid ones, and the faults of the others."""

from __future__ import annotations

from regulars.importing import cells, column_names
from regulars.importing.columns import Column, Columns
from regulars.importing.report import BadRow
from regulars.importing.row_source import RowSource
from regulars.importing.rows import read_row


def read_addresses(source: RowSource) -> tuple[list[str], list[BadRow]]:
    """The addresses of all rows, and the faults. Raises Invalid where the source has no column of addresses."""
    columns = Columns(source, [Column("email", cells.email, column_names.SUPPRESSIONS["email"])], {})
    if source.header is not None:
        columns.settle(source.header)
        columns.require([("email",)], 1)
    found: list[str] = []
    bad: list[BadRow] = []
    for record in source:
        row = read_row(record, columns)
        if row.get("email") is None and not row.faults:
            row.refuse("has no e-mail address", name="email")
        if row.faults:
            bad += row.faults
        else:
            found.append(row.get("email"))
    if source.header is None:
        columns.require([("email",)], 1)
    return found, bad
