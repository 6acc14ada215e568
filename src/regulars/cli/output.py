"""Printing: tables and marks for people, JSON for machines; readable without colour, errors on stderr."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

VERSION = 1
"""The version of every JSON document that the commands print; see docs/commands.md."""


def width() -> int:
    """Columns to print in: the terminal's, or COLUMNS, or 110 where there is neither."""
    import shutil

    if sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) >= 40 else 110


def print_warnings(warnings: Iterable[str]) -> None:
    """What is wrong with the surroundings of a command, before what it prints."""
    for warning in warnings:
        print_wrapped(f"{click.style('warning', fg='yellow', bold=True)}: {warning}")


def print_json(document: dict[str, Any]) -> None:
    """A JSON document on standard output."""
    import json

    click.echo(json.dumps({"version": VERSION, **document}, ensure_ascii=False, indent=2, default=str))


def table(
    title: str | None, headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> None:
    """A table and an empty line; the columns in `numbers` are right-aligned, no line ends in blanks."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        made.add_column(heading, justify="right" if index in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    console = Console(highlight=False, width=width() + 1)  # the frame begins with a blank that is cut off below
    with console.capture() as captured:
        console.print(made)
    if title:
        click.secho(title, bold=True)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    click.echo("\n".join(line.removeprefix(" ") for line in lines if click.unstyle(line).strip()) + "\n")


def print_wrapped(text: str, *, indent: int = 0, hanging: int = 2) -> None:
    """A sentence or two, broken at blanks to the width of the terminal; further lines hang by `hanging`."""
    click.echo(
        textwrap.fill(
            text,
            width(),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def counts(words: dict[str, int]) -> str:
    """`3 quiet-hours, 1 cap`, or a dash for none."""
    return ", ".join(f"{n} {word}" for word, n in sorted(words.items(), key=lambda item: (-item[1], item[0]))) or "–"


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
