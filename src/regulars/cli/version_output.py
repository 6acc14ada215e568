"""How a difference between two versions is shown: the parts, who gains and loses, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from regulars.cli.output import print_wrapped, table, when

if TYPE_CHECKING:
    from regulars.simulation.version_difference import VersionDifference
    from regulars.workspace.normal_form import PartChange

SAMPLES = 3
"""Clients shown of each list."""
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_KINDS = {"campaign": "campaign", "section": "section", "email": "email"}


def print_difference(found: VersionDifference, against: str, zone: str, *, samples: int, texts: bool) -> None:
    """Prints what changes; `against` says with what it was compared."""
    if not found.parts:
        click.echo(f"No difference from {against}.")
        return
    print_wrapped(f"Compared with {against}:", hanging=0)
    for part in found.parts:
        click.echo(f"  {_headline(part)}")
        if texts:
            for line in part.lines:
                click.echo(click.style(f"      {line}".rstrip(), fg=_COLOURS.get(line[:1])))
    click.echo("")
    rows = [
        (
            name, f"{len(one.gains):+,}" if one.gains else "–", _some(one.gains, samples),
            f"{-len(one.losses):+,}" if one.losses else "–", _some(one.losses, samples),
            f"{len(one.other):,}" if one.other else "–", _some(one.other, samples),
        )
        for name, one in found.campaigns.items()
    ]  # fmt: skip
    span = f"at {when(found.now, zone)}" if found.until == found.now else f"until {when(found.until, zone)}"
    if rows:
        headings = ("campaign", "gain", "for example", "lose", "for example", "get another", "for example")
        table(f"Who gains and who loses an email {span}", headings, rows, numbers=(1, 3, 5))
    else:
        click.echo(f"Nobody gains or loses an email {span}.")
    for name, move in found.moves:
        print_wrapped(f"{name}: {move.words}")
    print_in_flight(found.in_flight)


def print_in_flight(waiting: Mapping[str, Mapping[str, int]]) -> None:
    """Prints how many clients wait at which decision of which sequence."""
    rows = [(name, step, f"{count:,}") for name, steps in waiting.items() for step, count in steps.items()]
    if rows:
        table("In the middle of a sequence", ("campaign", "waits at", "clients"), rows, numbers=(2,))


def _headline(part: PartChange) -> str:
    was = f", formerly {part.was}" if part.was else ""
    return f"{_KINDS[part.kind]} {part.name}: {part.what}{was}"


def _some(clients: Sequence[str], most: int) -> str:
    """Some different clients, and whether there are more."""
    names = list(dict.fromkeys(clients))
    return ", ".join(names[:most]) + (", …" if len(names) > most > 0 else "")


def difference_as_csv(found: VersionDifference) -> Iterator[str]:
    """A line for each email of each client concerned, as text that a spreadsheet does not take for a formula."""
    for row in [("campaign", "client", "effect"), *found.rows()]:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow([spreadsheet_cell(value) for value in row])
        yield text.getvalue()


def spreadsheet_cell(text: str) -> str:
    """The text as a cell that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
