"""`report --revenue`: what followed the emails of each campaign, as a table, a chart, CSV, SVG or JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.command_context import CommandContext
from regulars.cli.effect_lines import effect_lines, value_lines
from regulars.cli.output import print_json, print_warnings, print_wrapped, table, width

if TYPE_CHECKING:
    from regulars.insights.bar_chart import BarChart
    from regulars.insights.goal_report import GoalReport, Reached
    from regulars.insights.goal_rows import GoalRow
    from regulars.insights.reactions import Reactions
    from regulars.insights.value_lift import ValueLift

_FOLLOWED = (
    "What followed an email within its goal's time. It need not be the email's effect: that shows only against a"
    " control group (`holdout`)."
)


@dataclass(frozen=True, slots=True)
class ReportForm:
    """The options that `--revenue` and `--cohorts` share; the period is in UTC."""

    now: datetime
    since: datetime | None
    until: datetime | None
    chart: bool
    as_csv: bool
    svg: Path | None


def print_goal_report(command: CommandContext, grouping: str, asked: ReportForm, warnings: Sequence[str]) -> None:
    """Counts, and prints in the form that was asked for."""
    from regulars.db.engine import read
    from regulars.insights.attribution import Period
    from regulars.insights.goal_effects import goal_effects
    from regulars.insights.goal_report import goal_report
    from regulars.insights.goal_rows import Grouping, as_csv, goal_rows
    from regulars.insights.reactions import reactions

    rulebook, period = command.rules.rulebook, Period(asked.now, asked.since, asked.until)
    by = Grouping(grouping)
    with read(command.engine) as connection:
        found = goal_report(connection, rulebook, period)
        rows = goal_rows(found, by, reactions(connection, period), rulebook)
        effects = goal_effects(connection, rulebook, period)
    if asked.svg is not None:
        asked.svg.write_text(_chart(found, rows).svg(), encoding="utf-8")
    if command.as_json:
        document: dict[str, Any] = {**found.to_json(), "by": by.value, "rows": [row.to_json() for row in rows]}
        document["effects"] = [effect.to_json() for effect in effects]
        print_json({**document, "warnings": warnings})
        return
    if asked.as_csv:
        sys.stdout.writelines(as_csv(rows))
        return
    print_warnings(warnings)
    print_wrapped(f"{_FOLLOWED} Attribution: {rulebook.policy.attribution}.")
    click.echo()
    if asked.chart:
        for line in _chart(found, rows).text(width()):
            click.echo(line)
        click.echo()
    _print_table(found, rows, by.value)
    for line in totals(found):
        print_wrapped(line)
    for effect in effects:
        for line in (*effect_lines(effect.campaign, effect.share), *_values(effect.campaign, effect.values)):
            print_wrapped(line.lstrip(), indent=len(line) - len(line.lstrip()))
    if asked.svg is not None:
        click.echo(f"The chart is in {asked.svg}.")


def _print_table(found: GoalReport, rows: Sequence[GoalRow], by: str) -> None:
    from regulars.insights.goal_rows import Grouping

    parted = by != Grouping.CAMPAIGN
    headings = ["campaign", *([by] if parted else []), "goal", "emails", "last email", "value", "claims", "value"]
    cells = []
    for row in rows:
        last, own = row.figures.by_last_email, row.figures.claimed
        cells.append(
            [
                row.campaign, *([row.part] if parted else []), row.goal, _emails(row),
                _events(last, row.figures.emails), amounts(last), f"{own.events:,}", amounts(own),
            ]
        )  # fmt: skip
    shift = 1 if parted else 0
    table(None, headings, cells, numbers=[place + shift for place in (2, 3, 4, 5, 6)])
    _print_reactions(rows, by)


def _emails(row: GoalRow) -> str:
    still = row.figures.open
    return f"{row.figures.emails:,}" + (f" ({still:,} open)" if still else "")


def _events(reached: Reached, emails: int) -> str:
    return f"{reached.events:,}" + (f" ({reached.events / emails:.1%})" if emails else "")


def amounts(reached: Reached) -> str:
    """`1,200.00 EUR, 3.00 USD`; numbers without currency are plain, and what had no value is said."""
    found = [f"{value:,.2f} {name}".strip() for name, value in sorted(reached.values.items())]
    if reached.unvalued and reached.values:
        found.append(f"{reached.unvalued:,} without")
    return ", ".join(found) or "–"


def _print_reactions(rows: Sequence[GoalRow], by: str) -> None:
    """What clients did beside; once for each campaign and part, whatever the number of goals."""
    seen: dict[tuple[str, str], Reactions] = {}
    for row in rows:
        if row.reactions is not None:
            seen.setdefault((row.campaign, row.part), row.reactions)
    if not any(any(did.to_json().values()) for did in seen.values()):
        return
    parted = any(part for _, part in seen)
    headings = ["campaign", *([by] if parted else []), "clicked", "answered", "left", "complained", "bounced", "soft"]
    cells = [
        [name, *([part] if parted else []), *(f"{number:,}" for number in did.to_json().values())]
        for (name, part), did in seen.items()
    ]
    table(None, headings, cells, numbers=range(len(headings) - 6, len(headings)))


def totals(found: GoalReport) -> Iterator[str]:
    """The sum that counts each event once, and what the campaigns' own claims add up to."""
    total, claimed = found.total, found.claimed
    whose = f"{total.events:,} of {total.mailboxes or 0:,} mailboxes"
    yield f"Together, each event once, by the last email: {whose}; {amounts(total)}"
    if claimed.events != total.events:
        yield f"The campaigns' own claims add up to {claimed.events:,}; {amounts(claimed)}: some events have several."
    if total.unvalued:
        yield f"{total.unvalued:,} of the events had no value to add up."


def _values(campaign: str, lifts: Sequence[ValueLift]) -> Iterator[str]:
    for found in lifts:
        yield from value_lines(campaign, found)


def _chart(found: GoalReport, rows: Sequence[GoalRow]) -> BarChart:
    from regulars.insights.goal_charts import goal_chart

    return goal_chart(found, rows)
