"""`history` and `log`: which versions came into force, and what people did."""

from __future__ import annotations

import click

from regulars.cli.command_context import CommandContext, json_option, moment
from regulars.cli.output import print_json, table, when

_MOST = 20
_SHOWN_HASH = 10
"""Characters of a commit's name that are shown."""


@click.command("history")
@click.option("--most", type=click.IntRange(min=1), default=_MOST, show_default=True, help="How many to show.")
@json_option
@click.pass_obj
def history_command(command: CommandContext, most: int) -> None:
    """List the versions of the rules that came into force: when, by whom, from which git commit, and why.

    The first is the one in force. `saved` is one that came into force by itself.
    """
    from regulars.db.engine import read
    from regulars.operation.applied_versions import history

    with read(command.engine) as connection:
        found = history(connection, most)
    if command.as_json:
        print_json({"versions": [one.to_json() for one in found]})
        return
    if not found:
        click.echo("no version has come into force yet")
        return
    rows = [
        (
            f"{one.number}", when(one.at, _zone(command)), one.how, one.who or "–",
            (one.commit or "–")[:_SHOWN_HASH] + (" and changes" if one.dirty else ""),
            ", ".join(one.campaigns) or "–", one.message or "",
        )
        for one in found
    ]  # fmt: skip
    headings = ("version", "in force since", "how", "who", "commit", "campaigns changed", "message")
    table(None, headings, rows, numbers=(0,))
    last = found[0]
    how = "until `regulars apply`" if last.mode == "manual" else "until a file is saved"
    click.echo(f"Version {last.number} is in force, {how}.")


def _zone(command: CommandContext) -> str:
    from regulars.core.errors import RegularsError

    try:
        command.go_by_rules_in_force()
    except RegularsError:  # neither the files nor a version are sound: times are shown in UTC
        return "UTC"
    return command.rules.rulebook.company.timezone


@click.command("log")
@click.option("--since", metavar="TIME", help="Only what was done from then on.")
@click.option("--who", metavar="TEXT", help="Only by people in whose name this is.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="How many lines.")
@json_option
@click.pass_obj
def log_command(command: CommandContext, since: str | None, who: str | None, most: int) -> None:
    """List what people did, the latest first: applied, rolled back, paused, suppressed, erased, merged, made keys.

    Lines are never changed or deleted. No address is in them: an address is named by its keyed hash, as in
    `regulars suppressions`.
    """
    from regulars.db.engine import read
    from regulars.ledger.audit import lines

    zone = _zone(command)
    with read(command.engine) as connection:
        found = lines(connection, since=moment(since, zone) if since else None, who=who, most=most)
    if command.as_json:
        print_json({"lines": [line.to_json() for line in found]})
        return
    if not found:
        click.echo("nothing was done by anybody" + (" that fits" if since or who else ""))
        return
    rows = [
        (
            when(line.at, zone), line.who, line.action,
            line.subject or (f"address {line.email_hash[:_SHOWN_HASH]}…" if line.email_hash else "–"), line.why or "",
        )
        for line in found
    ]  # fmt: skip
    table(None, ("when", "who", "what", "to what or whom", "why"), rows)
