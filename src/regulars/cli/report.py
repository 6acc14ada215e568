"""`report`: what was sent, held, skipped, and why; and the effect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from regulars.cli.cohort_output import print_cohorts
from regulars.cli.command_context import CommandContext, json_option, moment, now_option
from regulars.cli.effect_lines import effect_lines
from regulars.cli.output import counts, print_json, print_warnings, print_wrapped, table_of_counts
from regulars.cli.revenue_output import ReportForm, print_goal_report
from regulars.cli.variant_lines import variant_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.insights.campaign_report import Figures, Report
    from regulars.insights.link_responses import GradeCounts, LinkReport

_MOST = 5
"""Maximum links printed per campaign."""


@click.command("report")
@click.option("--since", metavar="TIME", help="Count what came to an end from then on.")
@click.option("--until", metavar="TIME", help="Count what came to an end before then.")
@click.option("--revenue", is_flag=True, help="What followed the emails: goals reached and their value.")
@click.option("--by", type=click.Choice(["campaign", "step", "email", "month", "arm"]), help="The rows of --revenue.")
@click.option("--cohorts", type=click.Choice(["purchase", "email"]), help="Clients by the month of their first one.")
@click.option("--chart", is_flag=True, help="Bars above the table of --revenue or --cohorts.")
@click.option("--csv", "as_csv", is_flag=True, help="The table of --revenue or --cohorts as CSV, and nothing else.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="A file for the chart.")
@now_option
@json_option
@click.pass_obj
def report_command(
    command: CommandContext, since: str | None, until: str | None, revenue: bool, by: str | None,
    cohorts: str | None, chart: bool, as_csv: bool, svg: Path | None, now: str | None,
) -> None:  # fmt: skip
    """Count by campaign; with a goal and a holdout, also the lift; its interval holds however often you look."""
    _check_options(revenue or by is not None, cohorts is not None, chart or svg is not None, as_csv, command.as_json)
    warnings = list(
        dict.fromkeys([*command.go_by_rules_in_force(), *command.troubles(), *command.stopped()])
    )  # the clock is in both
    zone = command.rules.rulebook.company.timezone
    begin, end = (moment(given, zone) if given else None for given in (since, until))
    form = ReportForm(command.now(now), begin, end, chart, as_csv, svg)
    if cohorts is not None:
        print_cohorts(command, cohorts, form, warnings)
    elif revenue or by is not None:
        print_goal_report(command, by or "campaign", form, warnings)
    else:
        _print_counts(command, form, warnings)


def _check_options(revenue: bool, cohorts: bool, drawn: bool, as_csv: bool, as_json: bool) -> None:
    if revenue and cohorts:
        raise click.UsageError("--revenue and --cohorts are two reports: ask for one of them.")
    if (drawn or as_csv) and not (revenue or cohorts):
        raise click.UsageError("--chart, --csv and --svg belong to --revenue or --cohorts.")
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms: ask for one of them.")


def _print_counts(command: CommandContext, form: ReportForm, warnings: list[str]) -> None:
    """The promises of each campaign by outcome, and the effects."""
    from regulars.db.engine import read
    from regulars.insights.came_back import CameBack
    from regulars.insights.campaign_report import learned_notes, report

    with read(command.engine) as connection:
        found = report(connection, command.rules.rulebook, form.now, since=form.since, until=form.until)
        warnings += learned_notes(connection)
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
    table_of_counts(headings, rows, numbers=(1, 2, 5, 6, 7))
    for name, figures in found.campaigns.items():
        if figures.came_back != CameBack():
            print_wrapped(_came_back(name, figures))
        if figures.coupons is not None:
            print_wrapped(f"{name}: {figures.coupons.given:,} coupons given, {figures.coupons.redeemed:,} used")
        if figures.clicks is not None:
            print_wrapped(_responses(name, "clicked in", figures.sent, figures.clicks))
            for line in _links(figures.links):
                print_wrapped(line, indent=2)
        if figures.opens is not None:
            print_wrapped(_responses(name, "pictures loaded of", figures.sent, figures.opens))
    for line in _effects(found):
        print_wrapped(line.lstrip(), indent=len(line) - len(line.lstrip()))


def _effects(found: Report) -> Iterator[str]:
    """The effect of all campaigns together and of each, and the results of variants."""
    if found.holdout is not None:
        yield from effect_lines("all campaigns together", found.holdout)
    for name, figures in found.campaigns.items():
        if figures.lift is not None:
            yield from effect_lines(name, figures.lift)
        if figures.variants is not None:
            yield from variant_lines(name, figures.variants)


def _came_back(name: str, figures: Figures) -> str:
    """Soft bounces and complaints of a campaign in one line."""
    complained, soft = figures.came_back.complained, figures.came_back.soft_bounced
    went = figures.sent + figures.bounced
    share = f" ({complained / went:.2%} of {went:,})" if complained and went else ""
    return f"{name}: {complained:,} complaints{share}; {soft:,} came back for a passing cause"


def _responses(name: str, what: str, sent: int, graded: GradeCounts) -> str:
    """Clicks or opens of a campaign in one line."""
    share = f" ({graded.human / sent:.1%})" if sent else ""
    return (
        f"{name}: {what} {graded.human:,} of {sent:,} emails{share}; in {graded.unsure:,} more perhaps;"
        f" in {graded.machine:,} only machines"
    )


def _links(found: LinkReport) -> Iterator[str]:
    """The links with most clicks, one per line."""
    for followed in found.shown[:_MOST]:
        graded = followed.graded
        yield f"{followed.link}: {graded.human:,}; {graded.unsure:,} more perhaps; {graded.machine:,} only machines"
    more = len(found.shown[_MOST:]) + found.more
    if more:
        yield f"and {more:,} more links (--json)"
