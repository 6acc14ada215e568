"""Output: tables for people, JSON for machines; readable without colour, errors on stderr."""

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
    """The output width in columns: the terminal's, COLUMNS, or 110."""
    import shutil

    if sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) >= 40 else 110


def print_warnings(warnings: Iterable[str]) -> None:
    """Prints faults of the environment, before the output of a command."""
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
    from regulars.cli.table_layout import table_lines

    # Control characters in data would move the cursor.
    cells = [["".join(c if c.isprintable() else " " for c in cell) for cell in row] for row in rows]
    head, below = table_lines(headings, cells, numbers, width())
    if title:
        click.secho(title, bold=True)
    if head:
        click.secho(head, bold=True)
    click.echo("\n".join(below) + "\n")


def table_of_counts(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> None:
    """A table by campaign without rows that have only zeros and no reason; a line gives their number."""
    counted = list(rows)
    shown = [row for row in counted if any(cell not in ("", "–", "0") for cell in row[1:])]
    more = len(counted) - len(shown)
    if shown:
        table(None, headings, shown, numbers)
    if more:
        campaigns = f"{more:,} {'more ' if shown else ''}campaign{'' if more == 1 else 's'}"
        print_wrapped(f"Nothing in {campaigns}.")
        click.echo("")


def print_wrapped(text: str, *, indent: int = 0, hanging: int = 2) -> None:
    """A sentence or two, broken at blanks to the width of the terminal; further lines hang by `hanging`."""
    for line in text_lines(text, indent=indent, hanging=hanging):
        click.echo(line)


def text_lines(text: str, *, indent: int = 0, hanging: int = 2) -> list[str]:
    """The same as lines."""
    return textwrap.wrap(
        text,
        width(),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
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
    """An instant in local time, to the minute."""
    from regulars.core.calendar import zone as zone_of

    return f"{moment.astimezone(zone_of(zone)):%Y-%m-%d %H:%M}"
