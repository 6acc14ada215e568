"""`restored`: go on from a backup without sending anything twice."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TextIO

import click

from regulars.cli.command_context import CommandContext, json_option, moment, now_option
from regulars.cli.output import print_json, print_wrapped, progress_bar, table_of_counts, when
from regulars.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from regulars.operation.restored import Held, Matched


@click.command("restored")
@click.option("--at", "at", metavar="TIME", help="The database is a backup made at this time: 2026-06-10T03:00.")
@click.option(
    "--log", "logs", multiple=True, type=click.File("r", encoding="utf-8", errors="replace"), metavar="FILE",
    help="A log of the mail server for the time since: Postfix, Exim, or a list of Message-IDs; `-` is stdin.",
)  # fmt: skip
@click.option("--release", is_flag=True, help="Let go what waits, but not what the log perhaps has.")
@click.option("--all", "everything", is_flag=True, help="With --release: what the log perhaps has, too.")
@click.option("--why", metavar="TEXT", help="The reason, kept in the log of what people did.")
@now_option
@json_option
@click.pass_obj
def restored_command(
    command: CommandContext, at: str | None, logs: tuple[TextIO, ...], release: bool, everything: bool,
    why: str | None, now: str | None,
) -> None:  # fmt: skip
    """Go on from a backup: hold what the lost database may have sent.

    Run it with --at before any process starts. It plans the lost time again and holds every email that was due by now;
    --log settles those that the mail server took; --release lets the rest go, which then is examined like any other:
    what is too late is skipped. Without options it lists what waits.
    """
    from regulars.core.operator_name import operator
    from regulars.operation import restored

    if everything and not release:
        raise click.UsageError("--all goes with --release")
    present = command.now(now) if now is not None or at is not None else clock.system()
    if at is not None:
        command.go_by_applied_version()
        made_at = moment(at, command.rules.rulebook.company.timezone)
        with progress_bar("planning the lost time again", quiet=command.as_json) as progress:
            restored.begin(command.engine, command.rules, made_at, present, operator(), why, progress)
    matched = [_compare(command, one, present) for one in logs]
    freed, left = (
        restored.let_go(command.engine, present, operator(), why, with_doubtful=everything) if release else (0, 0)
    )
    found = restored.status(command.engine)
    if command.as_json:
        logs_json = [
            {"log": name, "messages": one.messages, "sent": one.sent, "perhaps_sent": one.perhaps_sent}
            for name, one in matched
        ]
        print_json({**found.to_json(), "logs": logs_json, "released": freed})
        return
    for name, one in matched:
        _print_match(command, name, one)
    if release:
        stay = f"; {left:,} stay, for the mail server perhaps has them" if left else ""
        print_wrapped(f"{freed:,} emails go on at the next plan{stay}")
    _print_held(found, lost=at is not None)


def _compare(command: CommandContext, log: TextIO, now: datetime) -> tuple[str, Matched]:
    from regulars.feedback.server_log import LoggedMessage, read_log
    from regulars.operation.restored import Matcher

    command.go_by_applied_version()
    settings = command.settings
    matcher = Matcher(command.engine, command.rules, settings.address_secret, [settings.secret, *settings.old_secrets])
    name = Path(log.name).name
    with _seekable(log) as lines, progress_bar(name, quiet=command.as_json) as progress:

        def begin() -> Iterator[LoggedMessage]:
            lines.seek(0)
            return read_log(lines, now)

        return name, matcher.match(begin, now, lambda done: progress(done, 0))


@contextmanager
def _seekable(log: TextIO) -> Iterator[TextIO]:
    """The log, which is read more than once; what comes by a pipe is kept in a temporary file."""
    if log.seekable():
        yield log
        return
    with TemporaryFile("w+", encoding="utf-8") as copy:
        copyfileobj(log, copy)
        yield copy


def _print_match(command: CommandContext, name: str, one: Matched) -> None:
    zone = command.rules.rulebook.company.timezone
    times = f" from {when(one.first, zone)} to {when(one.last, zone)}" if one.first and one.last else ""
    print_wrapped(
        f"{name}{times}: {one.messages:,} messages of the lost time; {one.sent:,} emails are settled as sent,"
        f" {one.perhaps_sent:,} are perhaps sent"
    )


def _print_held(found: Held, *, lost: bool) -> None:
    if not found.number and not found.restorations:
        click.echo("nothing waits after a restore")
        return
    for sentence in found.sentences():
        print_wrapped(sentence)
    if found.waiting:
        rows = [(name, f"{number:,}", f"{unsure:,}") for name, (number, unsure) in found.waiting.items()]
        table_of_counts(("campaign", "waiting", "perhaps sent"), rows, (1, 2))
    if lost:
        print_wrapped(
            "What else came in since the backup is lost: import the clients and purchases again, read the mailbox of"
            " bounces again (`regulars bounces`), and `regulars suppress` whoever unsubscribed in that time."
        )
