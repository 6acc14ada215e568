"""Error output: expected errors become one line and an exit code, without a traceback."""

from __future__ import annotations

import errno
import sys

import click

from regulars.cli.output import print_json
from regulars.core.errors import EnvironmentFailed, Invalid, RegularsError


def foreseen(error: Exception) -> RegularsError | None:
    """The error as one of ours; None for a fault of the program, which shows its traceback."""
    if isinstance(error, RegularsError):
        return error
    if isinstance(error, OSError) and error.errno != errno.EPIPE:  # a closed pipe is click's to handle
        file = f"{error.filename}: " if error.filename else ""
        return EnvironmentFailed(f"{file}{error.strerror or error}")
    if isinstance(error, UnicodeDecodeError):
        return RegularsError(f"not UTF-8: {error.reason} at byte {error.start}")
    database = sys.modules.get("sqlalchemy.exc")  # not imported, so not the cause
    if database is not None and isinstance(error, database.DBAPIError):
        return EnvironmentFailed(f"the database failed: {error.orig}")
    return None


def print_error(error: RegularsError, *, as_json: bool) -> None:
    """Prints an error for the person who made it."""
    if isinstance(error, Invalid):
        if as_json:
            print_json({"errors": [d.to_dict() for d in error.diagnostics]})
            return
        from regulars.core.diagnostics import render

        click.echo(render(error.diagnostics, error.sources), err=True)
        number = len(error.diagnostics)
        click.echo(f"\n{number} {'problem' if number == 1 else 'problems'} found", err=True)
        return
    if as_json:
        print_json({"errors": [{"code": type(error).__name__, "severity": "error", "message": str(error)}]})
        return
    click.echo(f"error: {error}", err=True)
