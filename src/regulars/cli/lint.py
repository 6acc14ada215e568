"""`lint`: what is sound, and will disappoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option, now_option
from regulars.cli.output import print_json, print_wrapped, progress_bar

if TYPE_CHECKING:
    from datetime import datetime

    from regulars.preview.lint.finding import Finding


@click.command("lint")
@click.option("--online", is_flag=True, help="Also try the links to other sites.")
@click.option("--no-database", "files_only", is_flag=True, help="Look at the files alone, count no clients.")
@now_option
@json_option
@click.pass_obj
@click.pass_context
def lint_command(ctx: click.Context, command: CommandContext, online: bool, files_only: bool, now: str | None) -> None:
    """Look for what is sound, and will disappoint, in rules and emails.

    Links that lead nowhere, subjects that phones cut, faint colours, heavy emails, words and parts that nothing uses,
    conditions that can never hold or hold for nobody, campaigns that take each other's place. Exit code 1 if there is a
    warning; hints alone give 0.
    """
    from regulars.preview.lint.everything import lint
    from regulars.preview.lint.finding import Finding, Level
    from regulars.preview.lint.online import broken

    at = command.now(now)
    with progress_bar("Looking", quiet=command.as_json) as progress:
        found = lint(command.rules, command.settings, at, progress)
    findings = [*found.findings, *([] if files_only else _counted(command, at))]
    if online:
        findings += [
            Finding("link", found.links[link][0], f"{link} cannot be opened: {reason}", "mend the link or the site")
            for link, reason in broken(found.links)
        ]
    warnings = sum(one.level is Level.WARNING for one in findings)
    if command.as_json:
        links = [] if online else sorted(found.links)
        print_json({"findings": [one.to_json() for one in findings], "untried_links": links})
        ctx.exit(1 if warnings else 0)
    for one in findings:
        print_wrapped(f"{one.level} [{one.check}] {one.place}: {one.message}; {one.advice}")
    if found.links and not online:
        print_wrapped(f"{len(found.links):,} links to other sites were not tried: --online tries them")
    click.echo(f"{warnings} warnings, {len(findings) - warnings} hints")
    ctx.exit(1 if warnings else 0)


def _counted(command: CommandContext, at: datetime) -> list[Finding]:
    from regulars.context.plan_context import plan_context
    from regulars.db.engine import dry_run
    from regulars.preview.lint.rule_findings import counted_conditions

    with dry_run(command.engine) as connection:
        return list(counted_conditions(plan_context(connection, command.rules, at), command.rules))
