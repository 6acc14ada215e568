"""The report as one HTML file, which opens from disk and loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from regulars.core.calendar import local_date
from regulars.simulation.replay import bar_charts
from regulars.simulation.replay.email_store import REAL
from regulars.simulation.replay.replayed import Replayed, Run

_REASONS = 3
_ROWS = 8
"""Rows of the table of full weeks; the last stands for all higher numbers."""


@dataclass(frozen=True, slots=True)
class FullestRow:
    """How many clients have that many emails in their fullest week and month, with shares in per cent."""

    words: str
    week: str
    week_share: float
    month: str
    month_share: float


@dataclass(frozen=True, slots=True)
class Side:
    """One run with what is drawn of it."""

    run: Run
    simulated: bool
    lines: Mapping[str, bar_charts.Line]
    fullest: list[FullestRow]


def html_report(found: Replayed) -> str:
    """The report as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=False, lstrip_blocks=False
    )
    first, last = local_date(found.since, found.zone), local_date(found.until, found.zone)
    shown = {name: run for name, run in found.runs.items() if name != REAL or run.emails}
    order = sorted(shown, key=["rules", "against", REAL].index)
    parts = bar_charts.slots(first, last)
    colours = bar_charts.colours_of([run.days for run in shown.values()])
    most = max((bar_charts.highest(run.days, parts) for run in shown.values()), default=0)
    runs = {name: shown[name] for name in order}
    sides = [
        Side(run, name != REAL, {key: bar_charts.line(days, parts) for key, days in run.days.items()}, fullest(run))
        for name, run in runs.items()
    ]  # fmt: skip
    return environment.get_template("report.html").render(
        title=f"Emails from {first:%-d %B %Y} to {last:%-d %B %Y}",
        found=found, sides=sides, cards=_cards(runs), colours=colours, notes=_notes(found),
        legend=_legend(colours), number=_number, reasons=_reasons, signed=_signed,
        charts=[bar_charts.chart(run.words, run.days, parts, colours, most) for run in runs.values()],
    )  # fmt: skip


def fullest(run: Run) -> list[FullestRow]:
    """The numbers of emails that clients have in their fullest 7 and 30 days."""
    week, month = run.fullest[7], run.fullest[30]
    numbers = sorted({*week, *month})
    groups = [[number] for number in numbers[: _ROWS - 1]]
    if len(numbers) >= _ROWS:
        groups.append(numbers[_ROWS - 1 :])
    rows = []
    for group in groups:
        counted = [sum(side.get(number, 0) for number in group) for side in (week, month)]
        words = f"{group[0]}" if group[-1] == group[0] else f"{group[0]} to {group[-1]}"
        shares = [100 * one / run.clients if run.clients else 0.0 for one in counted]
        texts = [f"{one:,} ({share:.1f} %)" if one else "–" for one, share in zip(counted, shares, strict=True)]
        rows.append(FullestRow(words, texts[0], round(shares[0], 1), texts[1], round(shares[1], 1)))
    return rows


def _cards(runs: Mapping[str, Run]) -> list[tuple[str, str]]:
    cards = []
    for name, run in runs.items():
        words = "really sent" if name == REAL else "would have been sent" if name == "rules" else "by the other rules"
        cards.append((f"{run.emails:,}", f"emails {words}"))
        cards.append((f"{run.clients:,}", "clients got one" if name == REAL else "clients would have got one"))
    return cards


def _legend(colours: Mapping[str, int]) -> list[tuple[str, int]]:
    names = [(name, colour) for name, colour in colours.items() if colour < bar_charts.COLOURS - 1]
    others = [name for name, colour in colours.items() if colour == bar_charts.COLOURS - 1]
    words = others[0] if len(others) == 1 else f"{len(others)} others"
    return [*names, *([(words, bar_charts.COLOURS - 1)] if others else [])]


def _notes(found: Replayed) -> list[str]:
    copied, late = found.copied, ""
    if copied.imported:
        late = f" {copied.imported:,} of them were imported later; these count from when they happened."
    plans = sum(run.plans for run in found.runs.values())
    seconds = sum(run.seconds for run in found.runs.values())
    return [
        f"The real planner, at {plans:,} instants in {seconds:,.0f} seconds, on a copy of the database.",
        f"{copied.clients:,} clients with {copied.history_rows:,} purchases and events.{late}",
        *found.assumptions,
    ]


def _number(value: int) -> str:
    return f"{value:,}" if value else "–"


def _signed(sign: str, value: int) -> str:
    return f"{sign}{value:,}" if value else "–"


def _reasons(counts: Mapping[str, int]) -> str:
    """The most frequent, with their numbers."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = ", …" if len(ordered) > _REASONS else ""
    return ", ".join(f"{name} {number:,}" for name, number in ordered[:_REASONS]) + more
