"""The report of an import, as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.output import print_wrapped, table

if TYPE_CHECKING:
    from regulars.importing.report import BadRow, ImportReport

_SHOWN = 20
"""Maximum faults in the table."""


def print_report(report: ImportReport, file: Path, *, options: bool = True) -> None:
    """Prints the counts, unread columns, notes, and first faults; `options` are options that help."""
    click.echo(
        f"{file.name}: {report.rows:,} rows; {report.added:,} {report.kind} added, {report.changed:,} changed,"
        f" {report.unchanged:,} as they were, {report.refused:,} rows refused"
    )
    for name, resembles in report.ignored.items():
        hint = f'; did you mean `{resembles}`? --map "{name}={resembles}"' if resembles and options else ""
        print_wrapped(f"column `{name}` was not read{hint}", indent=2)
    for note in report.notes:
        print_wrapped(note, indent=2)
    print_faults(report.bad, report.bad_total, "; --bad-rows FILE writes them all" if options else "")


def print_faults(bad: Sequence[BadRow], total: int, more: str = "") -> None:
    """Prints the first faults as a table, and the number of others."""
    if bad:
        rows = [
            (str(b.line), b.column or "", b.value or "", b.reason + (f"; {b.hint}" if b.hint else ""))
            for b in bad[:_SHOWN]
        ]
        table("Refused", ("line", "column", "value", "why"), rows, numbers=(0,))
    if total > _SHOWN:
        click.echo(f"and {total - _SHOWN:,} more{more}")
