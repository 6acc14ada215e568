"""`show`: what a client received, and from which version of the rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped, when

if TYPE_CHECKING:
    from regulars.preview.provenance import Provenance


@click.command("show")
@click.argument("email", metavar="MESSAGE-ID|PROMISE")
@click.option("--html", "form", flag_value="html", help="Print the HTML.")
@click.option("--eml", "form", flag_value="eml", help="Print the message; headers are made again.")
@click.option(
    "--png", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a picture of it, by Chromium."
)
@json_option
@click.pass_obj
def show_command(command: CommandContext, email: str, form: str | None, png: Path | None) -> None:
    """Show what a client received, by the email's Message-ID or its promise's number in `regulars explain --json`.

    It says whether the HTML is the copy that was sent or made again from the version in force then and the data kept,
    by which rule, template and commit, and what has changed since. Links in it work: they act in the client's name.
    """
    from regulars.preview.provenance import provenance

    found = provenance(command.engine, email, command.settings)
    if png is not None:
        from regulars.preview.screenshot import screenshot

        png.write_bytes(screenshot(found.html))
        png.chmod(0o600)
    if command.as_json:
        print_json(found.to_json())
    elif form == "html":
        click.echo(found.html)
    elif form == "eml":
        sys.stdout.buffer.write(found.eml)
    else:
        _print(command, found)


def _print(command: CommandContext, found: Provenance) -> None:
    sent, version = found.sent, found.version
    zone = command.rules.rulebook.company.timezone
    click.echo(f"To:      {found.to}\nSubject: {found.subject}\nSent:    {when(sent.settled_at, zone)}, {sent.state}\n")
    click.echo(found.text)
    click.echo("")
    commit = f", commit {version.commit[:10]}{' and changes' if version.dirty else ''}" if version.commit else ""
    by = f" by {version.who}" if version.who else ""
    variant = "" if found.variant is None else f", variant {found.variant}"
    print_wrapped(
        f"Campaign {sent.campaign}, step {sent.step}{variant}, client {sent.customer}, promise {sent.id}", hanging=0
    )
    print_wrapped(f"Version {version.number}, applied {when(version.at, zone)}{by}{commit}", hanging=0)
    print_wrapped(f"Rule {sent.rule}, template {found.email} {sent.template}", hanging=0)
    for note in found.notes:
        print_wrapped(f"Note: {note}.")
    if not found.since:
        click.echo("Nothing about it has changed since.")
    for part in found.since:
        click.echo(f"Since then: {part.kind} {part.name} {part.what}")
        for line in part.lines:
            click.echo(f"    {line}".rstrip())
