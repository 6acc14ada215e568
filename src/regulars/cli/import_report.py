"""What an import says afterwards, as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.output import table

if TYPE_CHECKING:
    from regulars.importing.report import BadRow, ImportReport

_SHOWN = 20
"""Faults that the table shows."""


def print_report(report: ImportReport, file: Path, *, options: bool = True) -> None:
    """The counts, what was not read, the notes, and the first faults; `options` names those that help."""
    click.echo(
        f"{file.name}: {report.rows:,} rows; {report.added:,} {report.kind} added, {report.changed:,} changed,"
        f" {report.unchanged:,} as they were, {report.refused:,} rows refused"
    )
    for name, resembles in report.ignored.items():
        hint = f'; did you mean `{resembles}`? --map "{name}={resembles}"' if resembles and options else ""
        click.echo(f"  column `{name}` was not read{hint}")
    for note in report.notes:
        click.echo(f"  {note}")
    print_faults(report.bad, report.bad_total, "; --bad-rows FILE writes them all" if options else "")


def print_faults(bad: Sequence[BadRow], total: int, more: str = "") -> None:
    """The first faults as a table, if there are any; how many others there are."""
    if bad:
        rows = [
            (str(b.line), b.column or "", b.value or "", b.reason + (f"; {b.hint}" if b.hint else ""))
            for b in bad[:_SHOWN]
        ]
        table("Refused", ("line", "column", "value", "why"), rows, numbers=(0,))
    if total > _SHOWN:
        click.echo(f"and {total - _SHOWN:,} more{more}")
