"""`demo`: one day of a small business, from import to inbox."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.door import Door
from regulars.cli.output import counts, table, when
from regulars.core.calendar import instant

if TYPE_CHECKING:
    from regulars.demo import Played
    from regulars.insights.history import Row


INBOX = "inbox"


@click.command("demo")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default="demo", show_default=True,
    help="The demo's workspace; made if it is not there.",
)  # fmt: skip
def demo_command(folder: Path) -> None:
    """Play one day of a small business: import, check, plan, a real worker, a real inbox.

    Played again, it sends nothing twice.
    """
    for name in [n for n in os.environ if n.startswith("REGULARS_")]:
        del os.environ[name]  # the demo never touches a real database or mail server
    _make(folder)
    door = Door(given=folder, as_json=False)
    assert door.settings.database_url.startswith("sqlite:")
    click.secho(f"1. A workspace in {folder}", bold=True)
    book = door.rules.rulebook
    click.echo(f"   {len(book.campaigns)} campaigns of {book.company.name}, checked: no mistakes")
    click.secho("2. Clients and what they did", bold=True)
    _import(door, folder)
    click.secho("3. The day", bold=True)
    played = _play(door, folder)
    _show(door, folder, played)


def _make(folder: Path) -> None:
    from regulars.workspace import starter

    for room in ("campaigns", "templates"):
        if not (folder / room).exists():
            shutil.copytree(starter() / room, folder / room, ignore=shutil.ignore_patterns("README.md", "__pycache__"))


def _import(door: Door, folder: Path) -> None:
    from regulars.demo import DAY, write_files
    from regulars.store.importing import Kind, Options, import_file

    book = door.rules.rulebook
    zone = book.company.timezone
    options = Options(timezone=zone, currency=book.company.currency, fields=book.fields, events=book.events)
    morning = instant(datetime.combine(DAY, datetime.min.time()), zone)
    for kind, path in write_files(folder / "data").items():
        report = import_file(door.engine, Kind(kind), path, now=morning, secret=door.settings.secret, options=options)
        click.echo(f"   {path.name}: {report.added} added, {report.unchanged} known, {report.refused} refused")


def _play(door: Door, folder: Path) -> Played:
    from contextlib import closing

    from regulars.delivery.inbox import Inbox
    from regulars.delivery.pages import write_index
    from regulars.demo import Helpers, play

    box = folder / INBOX
    zone = door.rules.rulebook.company.timezone
    with Inbox(box) as inbox, closing(Helpers(door.settings, inbox.url)) as helpers:
        played = play(door.engine, zone, helpers, lambda at: click.echo(f"   {when(at, zone)}: plan and send"))
    write_index(box)
    return played


def _show(door: Door, folder: Path, played: Played) -> None:
    from regulars.insights.history import history

    zone = door.rules.rulebook.company.timezone
    with_about = {name: c.about or "" for name, c in door.rules.rulebook.campaigns.items()}
    rows = history(door.engine, door.rules.rulebook)
    sent = [r for r in rows if r.state == "sent"]
    table(
        f"Sent: {len(sent)}", ("when", "client", "campaign", "why"),
        [(when(r.at, zone), f"{r.customer} {r.name or ''}", r.campaign, with_about.get(r.campaign, "")) for r in sent],
    )  # fmt: skip
    others = [r for r in rows if r.state != "sent"]
    table(
        f"Held or skipped: {len(others)}", ("client", "campaign", "outcome", "why"),
        [(f"{r.customer} {r.name or ''}", r.campaign, r.state, _why(r, zone)) for r in others],
    )  # fmt: skip
    new = played.after - played.before
    if played.before:
        click.secho(f"This day was played before: {new} emails were sent now, none of them twice.", bold=True)
    click.echo(f"In all: {counts({r.state: sum(o.state == r.state for o in rows) for r in rows})}.")
    click.echo(f"The inbox:  {(folder / INBOX / 'index.html').resolve().as_uri()}")
    click.echo(f"Look on:    regulars -w {folder} explain CLIENT    regulars -w {folder} report")


def _why(row: Row, zone: str) -> str:
    words = row.reason or ""
    if row.detail:
        words += f" ({row.detail})"
    if row.state == "held" and row.next_at is not None:
        words += f", until {when(row.next_at, zone)}"
    return words
