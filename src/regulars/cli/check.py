"""`check`, `describe`, `schema`: commands on the files of the workspace, without a database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option
from regulars.cli.output import print_json, print_wrapped
from regulars.core.diagnostics import Severity, render
from regulars.core.errors import NotFound

if TYPE_CHECKING:
    from regulars.workspace.folder import Workspace


@click.command("check")
@click.option("-v", "--verbose", is_flag=True, help="name the conditions that plans ask of everybody once a day")
@json_option
@click.pass_obj
@click.pass_context
def check_command(ctx: click.Context, command: CommandContext, verbose: bool) -> None:
    """Find every mistake in the rules and emails, all at once.

    Exit code 1 when there is an error; warnings alone are fine.
    """
    from regulars.workspace.folder import check

    workspace, diagnostics, sources = check(command.root)
    daily = [] if workspace is None or not verbose else [_Daily(*found) for found in _asked_daily(workspace)]
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    warnings = len(diagnostics) - errors
    if command.as_json:
        found = {"errors": errors, "warnings": warnings, "diagnostics": [d.to_dict() for d in diagnostics]}
        print_json({**found, "asked_daily": [asdict(one) for one in daily]} if verbose else found)
    else:
        if diagnostics:
            click.echo(render(diagnostics, sources) + "\n")
        if workspace is not None and not errors:
            book = workspace.rulebook
            emails = set[str]().union(*(campaign.email_folders for campaign in book.campaigns.values()))
            also = f", {_number(warnings, 'warning')}" if warnings else ""
            click.echo(
                f"{len(book.campaigns)} campaigns, {len(book.tests)} tests, {len(emails)} emails: no mistakes{also}"
            )
        else:
            click.echo(f"{_number(errors, 'error')}, {_number(warnings, 'warning')}")
        for one in daily:
            click.echo(f"{one.campaign}, `{one.key}`: `{one.part}` is asked of everybody once a day")
    ctx.exit(1 if errors else 0)


@dataclass(frozen=True, slots=True)
class _Daily:
    """A part of a condition whose turns by time have no bound."""

    campaign: str
    key: str
    part: str


def _asked_daily(workspace: Workspace) -> Iterator[tuple[str, str, str]]:
    from regulars.planner.affected import asked_daily

    return asked_daily(workspace)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


@click.command("describe")
@click.argument("campaign", required=False)
@json_option
@click.pass_obj
def describe_command(command: CommandContext, campaign: str | None) -> None:
    """Describe each campaign and segment, or only CAMPAIGN, in plain sentences."""
    from regulars.core.diagnostics import nearest
    from regulars.explain.describe import describe, describe_segment

    rules = command.rules
    book = rules.rulebook
    if campaign is not None and campaign not in book.campaigns:
        raise NotFound("campaign", campaign, nearest(campaign, book.campaigns))
    chosen = [c for name, c in sorted(book.campaigns.items()) if campaign in (None, name)]
    segments = {name: describe_segment(name, rules) for name in sorted(book.segments)} if campaign is None else {}
    if command.as_json:
        data = {"campaigns": {c.name: describe(c, rules) for c in chosen}}
        print_json(data | ({"segments": segments} if segments else {}))
        return
    for one in chosen:
        click.secho(one.name, bold=True)
        print_wrapped(describe(one, rules), indent=2, hanging=0)
        click.echo("")
    for segment, sentence in segments.items():
        click.secho(f"segment {segment}", bold=True)
        print_wrapped(sentence, indent=2, hanging=0)
        click.echo("")


@click.command("schema")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it into this file instead of printing it."
)
@click.pass_obj
def schema_command(command: CommandContext, out: Path | None) -> None:
    """Print the JSON Schema of rule files, for editors that complete and check.

    In a workspace it has the names of its segments, fields, events and emails, to complete with.
    """
    text = schema_text(command.root)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


def schema_text(root: Path) -> str:
    """The schema with the names of the workspace; faults in its files are for `check` to report."""
    from regulars.render.compile import Templates
    from regulars.rules.loader import load
    from regulars.rules.schema import Names, json_schema
    from regulars.workspace.starter import starter

    draft = load(root / "campaigns").draft
    emails = Templates([room / "templates" / "emails" for room in (root, starter())]).names()
    names = Names(emails=emails) if draft is None else Names(draft.segments, draft.fields, draft.events, emails)
    return json.dumps(json_schema(names), ensure_ascii=False, indent=2)
