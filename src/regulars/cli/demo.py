"""`demo`: one day of a small business, from import to inbox."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext
from regulars.cli.output import counts, print_wrapped, table, table_of_counts, text_lines, when
from regulars.db.states import Reason, State

if TYPE_CHECKING:
    from regulars.demo.day import WorkerProcesses
    from regulars.insights.sent_history import HistoryRow
    from regulars.simulation.simulated_days import Day


INBOX = "inbox"
_ALIKE = 3
"""Maximum clients shown with the same outcome and reason; the last line has the number of others."""


@click.command("demo")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default="demo", show_default=True,
    help="The demo's workspace; made if it is not there.",
)  # fmt: skip
def demo_command(folder: Path) -> None:
    """Run one day of a small business: import, check, plan, a real worker, a real inbox.

    Run again, it sends nothing twice.
    """
    for name in [n for n in os.environ if n.startswith("REGULARS_")]:
        del os.environ[name]  # the demo never touches a real database or mail server
    from regulars.delivery.inbox.pages import write_index
    from regulars.delivery.inbox.server import Inbox
    from regulars.demo.day import WorkerProcesses, play

    made = _make(folder)
    command = CommandContext(given=folder, as_json=False)
    assert command.settings.database_url.startswith("sqlite:")
    _title(1, f"A workspace in {folder}" + ("" if made else ", which was there already"))
    engine = command.engine  # a worker refuses a database without tables, and starts at once
    with Inbox(folder / INBOX) as inbox, closing(WorkerProcesses(command.settings, inbox.url)) as helpers:
        book = command.rules.rulebook
        print_wrapped(f"{len(book.campaigns)} campaigns of {book.company.name}, checked: no mistakes", indent=3)
        _title(2, "Its clients, and what they did")
        _import(command, folder)
        forecast = _forecast(command, helpers)
        _title(4, "The day itself: a Celery worker plans and sends to an SMTP server")
        zone = book.company.timezone
        new = play(engine, zone, helpers, lambda at, sent: click.echo(f"   {when(at, zone)[11:]}  {sent} sent"))
    write_index(folder / INBOX)
    _show(command, folder, new, forecast)


def _title(number: int, words: str) -> None:
    for line in text_lines(f"{number}. {words}", hanging=3):
        click.secho(line, bold=True)


def _make(folder: Path) -> bool:
    from regulars.workspace.starter import starter

    rooms = [room for room in ("campaigns", "templates") if not (folder / room).exists()]
    for room in rooms:
        shutil.copytree(starter() / room, folder / room, ignore=shutil.ignore_patterns("README.md", "__pycache__"))
    return bool(rooms)


def _import(command: CommandContext, folder: Path) -> None:
    from regulars.demo.business import write_files
    from regulars.demo.day import morning
    from regulars.importing.options import options_for
    from regulars.importing.report import Kind
    from regulars.importing.service import import_file

    book = command.rules.rulebook
    zone = book.company.timezone
    options = options_for(book)
    for kind, path in write_files(folder / "data").items():
        report = import_file(
            command.engine, Kind(kind), path, now=morning(zone), secret=command.settings.address_secret, options=options
        )
        counted = f"{report.added} added, {report.unchanged} known, {report.refused} refused"
        print_wrapped(f"{path.name}: {counted}", indent=3)


def _forecast(command: CommandContext, helpers: WorkerProcesses) -> Day:
    """Puts the rules into force, then plans the day ahead."""
    from regulars.demo.business import DAY
    from regulars.demo.day import morning, put_in_force
    from regulars.simulation.plan_ahead import forecast

    zone = command.rules.rulebook.company.timezone
    start = put_in_force(command.engine, zone, helpers)
    _title(3, f"The rules are in force since {when(start, zone)}; what {DAY} will bring, by `regulars plan`")
    day = forecast(command.engine, command.rules, morning(zone), 1).days[0]
    rows = [
        (
            name,
            str(day.sent.get(name, 0)),
            counts(dict(day.held.get(name, {}))),
            counts(dict(day.skipped.get(name, {}))),
        )
        for name in sorted({*day.sent, *day.held, *day.skipped})
    ]
    if any(day.sent.values()):
        table_of_counts(("campaign", "to send", "held", "skipped"), rows, numbers=(1,))
    else:
        click.echo("   no email that is not in the ledger already\n")
    return day


def _show(command: CommandContext, folder: Path, new: int, forecast: Day) -> None:
    from regulars.demo.reasons import Reasons
    from regulars.insights.sent_history import history

    zone = command.rules.rulebook.company.timezone
    reasons = Reasons(command.engine, command.rules)
    rows = history(command.engine, command.rules.rulebook)
    sent = sorted((r for r in rows if r.state == State.SENT), key=lambda r: (r.at, r.campaign, r.customer))
    _title(5, f"Who got what, and why: {len(sent)} emails")
    table(
        None, ("when", "client", "campaign", "why"),
        [(when(r.at, zone)[11:], _client(r), r.campaign, reasons.why(r.campaign, r.customer, r.at)) for r in sent],
    )  # fmt: skip
    others = sorted((r for r in rows if r.state != State.SENT), key=lambda r: (r.campaign, r.customer))
    _title(6, f"Who did not, and why: {len(others)}")
    table(None, ("outcome", "client", "campaign", "why"), _shortened([
        (r.state, _client(r), r.campaign, _why(r, zone)) for r in others
    ]))  # fmt: skip
    _print_total(new, forecast, sent)
    click.echo(f"The inbox:   {(folder / INBOX / 'index.html').resolve().as_uri()}")
    click.echo(f"One client:  regulars -w {folder} explain v-070 --now {sent[0].at:%Y-%m-%d}T22:00")
    click.echo(f"The count:   regulars -w {folder} report")


def _shortened(rows: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """The first two clients of each outcome and reason, and the number of others."""
    alike = Counter((state, campaign, why) for state, _, campaign, why in rows)
    shown: Counter[tuple[str, str, str]] = Counter()
    found = []
    for state, client, campaign, why in rows:
        kind = (state, campaign, why)
        shown[kind] += 1
        if alike[kind] <= _ALIKE or shown[kind] < _ALIKE:
            found.append((state, client, campaign, why))
        elif shown[kind] == _ALIKE:
            found.append((state, f"and {alike[kind] - _ALIKE + 1} more", campaign, why))
    return found


def _print_total(new: int, forecast: Day, sent: Sequence[HistoryRow]) -> None:
    promised = sum(forecast.sent.values())
    if new == promised and new:
        click.secho(f"The plan said {promised} emails; {new} were sent.", bold=True)
    elif new == 0:
        click.secho(f"This day was played before: all {len(sent)} emails had gone, none went twice.", bold=True)
    else:
        click.secho(f"The plan said {promised} emails; {new} were sent. The report has the rest.", bold=True)


def _client(row: HistoryRow) -> str:
    return f"{row.customer} {row.name or ''}".rstrip()


def _why(row: HistoryRow, zone: str) -> str:
    from regulars.explain.sentences import because

    if row.reason == Reason.CAP:
        return f"the cap is used up: {row.detail} went first"
    words = because(row.reason, row.detail)
    return f"{words}, until {when(row.next_at, zone)}" if row.state == State.HELD else words
