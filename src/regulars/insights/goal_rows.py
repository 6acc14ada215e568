"""The report of goals as rows: by campaign, step, email, month or arm, with what clients did beside; and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from regulars.insights.goal_report import GoalFigures, GoalReport, Part, Reached
from regulars.insights.reactions import Reactions
from regulars.rules.model import Rulebook


class Grouping(StrEnum):
    """What a row is about."""

    CAMPAIGN = "campaign"
    STEP = "step"
    EMAIL = "email"
    MONTH = "month"
    ARM = "arm"


@dataclass(frozen=True, slots=True)
class GoalRow:
    """`part` is empty where the row is a whole campaign; `reactions` are None by month and arm."""

    campaign: str
    goal: str
    part: str
    figures: Part
    reactions: Reactions | None = None

    @property
    def name(self) -> str:
        """What identifies the row beside its goal."""
        return f"{self.campaign} {self.part}".strip()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        reacted = {"reactions": self.reactions.to_json()} if self.reactions is not None else {}
        return {"campaign": self.campaign, "goal": self.goal, "part": self.part, **self.figures.to_json(), **reacted}


def goal_rows(
    found: GoalReport, by: Grouping, reacted: Mapping[tuple[str, str], Reactions], rulebook: Rulebook
) -> list[GoalRow]:
    """The rows in the order of campaigns and their goals; `reacted` as `reactions` gives it."""
    match by:
        case Grouping.CAMPAIGN:
            return [GoalRow(g.campaign, str(g.goal), "", g.whole, _of_campaign(reacted, g.key)) for g in found.goals]
        case Grouping.STEP:
            return [
                GoalRow(g.campaign, str(g.goal), step, part, reacted.get((g.key, step), Reactions()))
                for g in found.goals
                for step, part in g.steps.items()
            ]
        case Grouping.EMAIL:
            return _by_email(found, reacted, rulebook)
        case Grouping.MONTH:
            return [GoalRow(g.campaign, str(g.goal), m, part) for g in found.goals for m, part in g.months.items()]
        case Grouping.ARM:
            return [GoalRow(g.campaign, str(g.goal), a, part) for g in found.goals for a, part in g.arms.items()]


def _of_campaign(reacted: Mapping[tuple[str, str], Reactions], key: str) -> Reactions:
    return sum((each for (campaign, _), each in reacted.items() if campaign == key), Reactions())


def _by_email(found: GoalReport, reacted: Mapping[tuple[str, str], Reactions], rulebook: Rulebook) -> list[GoalRow]:
    """Steps that send the same email together, whatever their campaign; a step that is gone goes by its own name."""
    together: dict[tuple[str, str], GoalRow] = {}
    for figures in found.goals:
        emails = _emails_of(rulebook, figures)
        for step, part in figures.steps.items():
            email, goal = emails.get(step, step), str(figures.goal)
            did = reacted.get((figures.key, step), Reactions())
            row = together.get((email, goal))
            if row is None:
                together[email, goal] = GoalRow(figures.campaign, goal, email, part, did)
                continue
            campaigns = row.campaign.split(", ")
            named = row.campaign if figures.campaign in campaigns else f"{row.campaign}, {figures.campaign}"
            together[email, goal] = GoalRow(named, goal, email, row.figures + part, (row.reactions or did) + did)
    return sorted(together.values(), key=lambda row: (row.part, row.goal))


def _emails_of(rulebook: Rulebook, figures: GoalFigures) -> Mapping[str, str]:
    campaign = rulebook.campaigns.get(figures.campaign)
    return {step.key: step.email for step in campaign.all_steps} if campaign is not None else {}


def as_csv(rows: Sequence[GoalRow]) -> Iterator[str]:
    """The rows as lines of CSV with a head; a column of value for each currency."""
    currencies = sorted({name for row in rows for name in row.figures.claimed.values})
    reacted = [each.name for each in fields(Reactions)] if any(row.reactions is not None for row in rows) else []
    ways = ("by_last_email", "claimed")
    head = ["campaign", "goal", "part", "emails", "mailboxes", "open"]
    for way in ways:
        head += [f"{way}_events", f"{way}_mailboxes", f"{way}_unvalued"]
        head += [f"{way}_value_{name}" if name else f"{way}_value" for name in currencies]
    yield _line([*head, *reacted])
    for row in rows:
        cells: list[object] = [row.campaign, row.goal, row.part, row.figures.emails, row.figures.mailboxes]
        cells.append(row.figures.open)
        for reached in (row.figures.by_last_email, row.figures.claimed):
            cells += _reached(reached, currencies)
        yield _line([*cells, *(getattr(row.reactions, name, None) for name in reacted)])


def _reached(reached: Reached, currencies: Iterable[str]) -> list[object]:
    return [reached.events, reached.mailboxes, reached.unvalued, *(reached.values.get(name, 0) for name in currencies)]


def _line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
    return line.getvalue()
