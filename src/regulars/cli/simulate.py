"""`simulate`: what past days would have been by these rules, beside what was sent, or beside other rules."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import counts, print_json, print_wrapped, progress_bar, table, when
from regulars.cli.version_output import spreadsheet_cell
from regulars.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regulars.simulation.replay.email_store import SentEmail
    from regulars.simulation.replay.replayed import NamedRules, Replayed, Run

_STEPS = 1000
_CLIENTS = 10
"""Clients listed in the terminal."""
_file = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("simulate")
@click.option("--from", "first", required=True, metavar="DAY", help="The first day, as 2026-01-31.")
@click.option("--to", "last", required=True, metavar="DAY", help="The last day; today at most.")
@click.option(
    "--rules", "given", metavar="DIR|VERSION", help="The rules to try; default: the files in this folder."
)  # fmt: skip
@click.option(
    "--against", metavar="DIR|VERSION", help="Other rules, to compare with: a folder, version or git revision."
)
@click.option("--html", type=_file, metavar="FILE", help="Write the report as a page that opens from disk.")
@click.option(
    "--csv", "as_csv", type=_file, metavar="FILE", help="Write every email: of these rules, the others, and sent."
)
@json_option
@click.pass_obj
def simulate_command(
    command: CommandContext, first: str, last: str, given: str | None, against: str | None, html: Path | None,
    as_csv: Path | None,
) -> None:  # fmt: skip
    """Live through past days again by these rules, and compare with what was sent.

    Events, purchases and consents come in as they were known then; the real planner plans on a copy of the database,
    in a scratch file. Nothing is sent, and the database is only read, for as long as it takes to copy it.
    """
    from regulars.simulation.replay.replayed import NamedRules, Replay

    with ExitStack() as opened:
        tried = _named(command, given, opened) if given else NamedRules(command.rules, "the files in this folder")
        other = _named(command, against, opened) if against else None
        since, until = _span(first, last, tried.rules.rulebook.company.timezone)
        progress = opened.enter_context(progress_bar("Simulating", quiet=command.as_json))
        replay = opened.enter_context(
            Replay(
                command.engine, tried, since, until, against=other,
                progress=lambda _, part: progress(round(part * _STEPS), _STEPS),
            )
        )  # fmt: skip
        found = replay.run()
        if as_csv is not None:
            _write_csv(as_csv, replay.emails())
    if html is not None:
        from regulars.simulation.replay.html_report import html_report

        html.write_text(html_report(found), "utf-8")
    if command.as_json:
        print_json(found.to_json())
    else:
        _print(found)
        for path in (html, as_csv):
            if path is not None:
                print_wrapped(f"Written: {path}")


def _named(command: CommandContext, name: str, opened: ExitStack) -> NamedRules:
    from regulars.operation.compared_version import named_version
    from regulars.simulation.replay.replayed import NamedRules

    found = named_version(command.engine, command.root, name, opened)
    assert found.workspace is not None  # a version that is named exists
    return NamedRules(found.workspace, found.words)


def _span(first: str, last: str, zone: str) -> tuple[datetime, datetime]:
    """The first instant of the first local day, and the last of the last one, which cannot lie ahead."""
    from regulars.core.calendar import instant

    begin, end = (_day(option, text) for option, text in (("--from", first), ("--to", last)))
    since = instant(begin, zone)
    until = instant(end + timedelta(days=1), zone) - timedelta(microseconds=1)
    now = clock.system()
    if begin > end:
        _refuse("--to", f"{last} is before {first}")
    if since >= now:
        _refuse("--from", f"{first} is not past; `regulars forecast` looks ahead")
    return since, min(until, now)


def _day(option: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        _refuse(option, f"`{text}` is not a day such as 2026-01-31")
    if len(text.strip()) != 10:
        _refuse(option, f"`{text}` is not a day such as 2026-01-31")
    return found


def _refuse(option: str, why: str) -> NoReturn:
    raise click.BadParameter(why, param_hint=option)


def _write_csv(path: Path, emails: Iterable[SentEmail]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("run", "day", "at", "campaign", "step", "client"))
        for one in emails:
            client, campaign, step = (spreadsheet_cell(text) for text in (one.client, one.campaign, one.step))
            writer.writerow((one.run, one.day.isoformat(), one.at.isoformat(), campaign, step, client))


# ---------------------------------------------------------------- for people


def _print(found: Replayed) -> None:
    click.secho(f"{when(found.since, found.zone)} to {when(found.until, found.zone)} ({found.zone})", bold=True)
    click.echo("")
    for name, run in found.runs.items():
        if name != "sent" or run.emails:
            _print_run(run, simulated=name != "sent")
    for one in found.comparisons:
        rows = [
            (
                shift.name, f"+{shift.gained:,}" if shift.gained else "–", f"-{shift.lost:,}" if shift.lost else "–",
                f"{shift.clients_gaining:,}", f"{shift.clients_losing:,}",
            )
            for shift in one.campaigns
        ]  # fmt: skip
        if rows:
            headings = ("campaign", "more", "fewer", "clients gain", "clients lose")
            table(f"Compared with {one.other}", headings, rows, numbers=(1, 2, 3, 4))
        else:
            print_wrapped(f"Compared with {one.other}: no client gets an email more or fewer.")
    for line in found.assumptions:
        print_wrapped(line)


def _print_run(run: Run, *, simulated: bool) -> None:
    from regulars.simulation.replay.html_report import fullest

    rows = [
        (
            one.name, f"{one.emails:,}", f"{one.clients:,}", f"{one.capped:,}" if simulated else "–",
            counts(dict(one.skipped)),
        )
        for one in run.campaigns
    ]  # fmt: skip
    took = f", {run.plans:,} plans in {run.seconds:,.0f} s" if simulated else ""
    title = f"{run.words}: {run.emails:,} emails to {run.clients:,} clients{took}"
    table(title, ("campaign", "emails", "clients", "met the cap", "skipped"), rows, numbers=(1, 2, 3))
    if run.emails:
        full = [(row.words, row.week, row.month) for row in fullest(run)]
        table("Most emails to a client", ("emails", "within 7 days", "within 30 days"), full, numbers=(1, 2))
        busy = [
            (one.client, f"{one.emails:,}", f"{one.in_week}", f"{one.in_month}", counts(dict(one.campaigns)))
            for one in run.busiest[:_CLIENTS]
        ]
        headings = ("client", "emails", "in 7 days", "in 30 days", "campaigns")
        table("Who gets most", headings, busy, numbers=(1, 2, 3))
    for alarm in run.alarms[:_CLIENTS]:
        print_wrapped(f"warning: on {alarm.at:%Y-%m-%d} a guard would have stopped {alarm.campaign}: {alarm.why}")
