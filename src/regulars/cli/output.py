"""Printing: tables and marks for people, JSON for machines; readable without colour, errors on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from regulars.core.errors import Invalid, RegularsError

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1
"""The version of every JSON document that the commands print; see docs/commands.md."""


def console() -> Console:
    """A console on standard output, as wide as the terminal, at least 100 columns when it is not one."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 110, soft_wrap=False)


def emit(document: dict[str, Any]) -> None:
    """A JSON document on standard output."""
    import json

    click.echo(json.dumps({"version": VERSION, **document}, ensure_ascii=False, indent=2, default=str))


def table(
    title: str | None, headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> None:
    """A table; the columns in `numbers` are right-aligned."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        header_style="bold",
    )  # fmt: skip
    for index, heading in enumerate(headings):
        made.add_column(heading, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    console().print(made)


def counts(words: dict[str, int]) -> str:
    """`3 quiet-hours, 1 cap`, or a dash for none."""
    return ", ".join(f"{n} {word}" for word, n in sorted(words.items(), key=lambda item: (-item[1], item[0]))) or "–"


def complain(error: RegularsError, *, as_json: bool) -> None:
    """Prints an error for the person who made it."""
    if isinstance(error, Invalid):
        if as_json:
            emit({"errors": [d.to_dict() for d in error.diagnostics]})
            return
        from regulars.core.diagnostics import render

        click.echo(render(error.diagnostics, error.sources), err=True)
        number = len(error.diagnostics)
        click.echo(f"\n{number} {'problem' if number == 1 else 'problems'} found", err=True)
        return
    if as_json:
        emit({"errors": [{"code": type(error).__name__, "severity": "error", "message": str(error)}]})
        return
    click.echo(f"error: {error}", err=True)


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, when that is a terminal; call it with (done, total)."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


def when(moment: datetime, zone: str) -> str:
    """An instant on a local clock, to the minute."""
    from regulars.core.calendar import zone as zone_of

    return f"{moment.astimezone(zone_of(zone)):%Y-%m-%d %H:%M}"
