"""Which bars show a report of goals: the value in its most frequent currency, or where there is none the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from regulars.insights.bar_chart import Bar, BarChart
from regulars.insights.cohorts import By, Cohort
from regulars.insights.goal_report import GoalReport, Reached
from regulars.insights.goal_rows import GoalRow


def goal_chart(found: GoalReport, rows: Sequence[GoalRow]) -> BarChart:
    """One bar for each row: what counts by the policy's rule; faint behind it the campaign's own claims."""
    frequent = Counter(name for row in rows for name in row.figures.claimed.values)
    currency = max(sorted(frequent), key=lambda name: frequent[name]) if frequent else None
    several = len({row.goal for row in rows}) > len({row.name for row in rows}) or _same_names(rows)
    bars = [
        Bar(
            f"{row.name}: {row.goal}" if several else row.name,
            _size(found.headline(row.figures), currency),
            _words(found.headline(row.figures), currency),
            _size(row.figures.claimed, currency),
        )
        for row in rows
    ]
    unit = "goals reached" if currency is None else f"value in {currency}" if currency else "value"
    others = sorted(set(frequent) - {currency})
    left_out = f" Without {', '.join(others)}." if others else ""
    rule = "the last email before counts" if found.rule != "any" else "every campaign that wrote in time counts"
    description = f"What followed emails, {unit}: {rule}; faint: own claims of each campaign.{left_out}"
    return BarChart(f"After emails: {unit}", description, bars)


def _same_names(rows: Sequence[GoalRow]) -> bool:
    return len({row.name for row in rows}) < len(rows)


def _size(reached: Reached, currency: str | None) -> float:
    return float(reached.events if currency is None else reached.values.get(currency, 0))


def _words(reached: Reached, currency: str | None) -> str:
    if currency is None:
        return f"{reached.events:,}"
    return f"{reached.values.get(currency, 0):,.2f} {currency}".strip()


def cohort_chart(found: Sequence[Cohort], by: By) -> BarChart:
    """One bar for each cohort: the share that came back."""
    again = "bought again" if by is By.PURCHASE else "bought after it"
    bars = [
        Bar(each.month, each.came_back / each.mailboxes, f"{each.came_back / each.mailboxes:.1%} of {each.mailboxes:,}")
        for each in found
    ]
    first = f"month of the first {by.value}"
    return BarChart(
        f"Clients by the {first}: who {again}", f"The share of clients who {again} up to now, by the {first}.", bars
    )
