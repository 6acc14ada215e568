"""`report`: what was sent, held, skipped, and why; and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from regulars.cli.command_context import CommandContext, json_option, moment, now_option
from regulars.cli.output import counts, print_json, print_warnings, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.insights.lift import Lift
    from regulars.insights.link_responses import GradeCounts, LinkReport

_MOST = 5
"""Links of a campaign that are printed."""


@click.command("report")
@click.option("--since", metavar="TIME", help="Count what came to an end from then on.")
@click.option("--until", metavar="TIME", help="Count what came to an end before then.")
@now_option
@json_option
@click.pass_obj
def report_command(command: CommandContext, since: str | None, until: str | None, now: str | None) -> None:
    """Count by campaign; with a goal and a holdout, also the lift with its 95 % interval."""
    from regulars.db.engine import read
    from regulars.insights.campaign_report import report

    warnings = list(dict.fromkeys([*command.go_by_rules_in_force(), *command.troubles()]))  # the clock is in both
    zone = command.rules.rulebook.company.timezone
    with read(command.engine) as connection:
        found = report(
            connection, command.rules.rulebook, command.now(now), since=moment(since, zone) if since else None,
            until=moment(until, zone) if until else None,
        )  # fmt: skip
    if command.as_json:
        print_json({**found.to_json(), "warnings": warnings})
        return
    print_warnings(warnings)
    rows = [
        (
            name, f"{f.sent:,}", f"{f.due:,}", counts(dict(f.held)), counts(dict(f.skipped)), f"{f.failed:,}",
            f"{f.uncertain:,}", f"{f.bounced:,}",
        )
        for name, f in found.campaigns.items()
    ]  # fmt: skip
    headings = ("campaign", "sent", "due", "held", "skipped", "failed", "uncertain", "bounced")
    table(None, headings, rows, numbers=(1, 2, 5, 6, 7))
    for name, figures in found.campaigns.items():
        if figures.coupons is not None:
            click.echo(f"{name}: {figures.coupons.given:,} coupons given, {figures.coupons.redeemed:,} used")
        if figures.clicks is not None:
            click.echo(_responses(name, "clicked in", figures.sent, figures.clicks))
            for line in _links(figures.links):
                click.echo(line)
        if figures.opens is not None:
            click.echo(_responses(name, "pictures loaded of", figures.sent, figures.opens))
    for name, figures in found.campaigns.items():
        if figures.lift is not None:
            click.echo(_lift(name, figures.lift))


def _responses(name: str, what: str, sent: int, graded: GradeCounts) -> str:
    """Clicks or opens of a campaign in one line."""
    share = f" ({graded.human / sent:.1%})" if sent else ""
    return (
        f"{name}: {what} {graded.human:,} of {sent:,} emails{share}; in {graded.unsure:,} more perhaps;"
        f" in {graded.machine:,} only machines"
    )


def _links(found: LinkReport) -> Iterator[str]:
    """The links that most people followed, one in a line."""
    for followed in found.shown[:_MOST]:
        graded = followed.graded
        yield f"  {followed.link}: {graded.human:,}; {graded.unsure:,} more perhaps; {graded.machine:,} only machines"
    more = len(found.shown[_MOST:]) + found.more
    if more:
        yield f"  and {more:,} more links (--json)"


def _lift(name: str, measured: Lift) -> str:
    """The effect of a campaign in one line."""
    written, control = measured.written, measured.control
    head = (
        f"{name}: {measured.goal}: {written.reached:,} of {written.clients:,} written to,"
        f" {control.reached:,} of {control.clients:,} held out"
    )
    if measured.gain is None or measured.interval is None:
        return f"{head}; nothing to compare yet"
    sure = measured.interval
    return f"{head}; {measured.gain:+.1%} (95 % interval {sure.low:+.1%} to {sure.high:+.1%})"
