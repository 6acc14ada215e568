"""`report --cohorts`: clients by the month of their first purchase or email, and who bought again when."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from regulars.cli.command_context import CommandContext
from regulars.cli.output import print_json, print_warnings, print_wrapped, table, width
from regulars.cli.revenue_output import ReportForm

if TYPE_CHECKING:
    from regulars.insights.cohorts import Cohort

_MONTHS = 6
"""Months after the first for which the terminal has a column; CSV and JSON have all."""


def print_cohorts(command: CommandContext, beginning: str, asked: ReportForm, warnings: Sequence[str]) -> None:
    """Counts, and prints in the form that was asked for."""
    from regulars.db.engine import read
    from regulars.insights.attribution import Period
    from regulars.insights.cohorts import By, cohorts
    from regulars.insights.goal_charts import cohort_chart

    by = By(beginning)
    with read(command.engine) as connection:
        found = cohorts(connection, command.rules.rulebook, by, Period(asked.now, asked.since, asked.until))
    chart = cohort_chart(found, by)
    if asked.svg is not None:
        asked.svg.write_text(chart.svg(), encoding="utf-8")
    if command.as_json:
        document: dict[str, Any] = {"now": asked.now.isoformat(), "by": by.value}
        print_json({**document, "cohorts": [cohort.to_json() for cohort in found], "warnings": warnings})
        return
    if asked.as_csv:
        _print_csv(found)
        return
    print_warnings(warnings)
    after = "again" if by is By.PURCHASE else "after it"
    print_wrapped(
        f"Mailboxes by the month of their first {by.value}; who bought {after}, and in which month after that one. The"
        f" value is that of all purchases {after}."
    )
    click.echo()
    if asked.chart:
        for line in chart.text(width()):
            click.echo(line)
        click.echo()
    headings = ["month", "clients", after, "value", *(f"+{n}" for n in range(_MONTHS + 1))]
    table(None, headings, [_row(cohort) for cohort in found], numbers=range(1, len(headings)))
    if asked.svg is not None:
        click.echo(f"The chart is in {asked.svg}.")


def _row(cohort: Cohort) -> list[str]:
    value = ", ".join(f"{amount:,.2f} {name}" for name, amount in sorted(cohort.values.items()))
    shares = [f"{month.buyers / cohort.mailboxes:.0%}" for month in cohort.months[: _MONTHS + 1]]
    back = f"{cohort.came_back:,} ({cohort.came_back / cohort.mailboxes:.1%})"
    return [cohort.month, f"{cohort.mailboxes:,}", back, value or "–", *shares, *[""] * (_MONTHS + 1 - len(shares))]


def _print_csv(found: Sequence[Cohort]) -> None:
    """One line for each cohort, month and currency; a month without purchases has one line, without currency."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["cohort", "clients", "came_back", "months_after", "buyers", "currency", "value"])
    for cohort in found:
        for place, month in enumerate(cohort.months):
            head = [cohort.month, cohort.mailboxes, cohort.came_back, place, month.buyers]
            values = month.values or {"": Decimal(0)}
            writer.writerows([*head, currency, value] for currency, value in sorted(values.items()))
