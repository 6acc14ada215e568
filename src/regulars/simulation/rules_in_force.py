"""The rules in force according to the database, before any change of the files.

Company and policy come from the files; the database stores only campaigns, their calendar days and segments, and the
tariff of points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Connection

from regulars.audience.expression import Expression
from regulars.audience.problems import ExpressionErrors
from regulars.audience.rule_catalogue import catalogue_of
from regulars.context.plan_context import Ruleset
from regulars.planner.activation import CALENDAR, SEGMENTS
from regulars.profile import points
from regulars.rules.calendar_days import CalendarDay
from regulars.rules.model import Campaign, Loc, Rulebook
from regulars.simulation.ledger_queries import sources_in_force
from regulars.workspace.conditions import read, written


@dataclass(frozen=True)
class Rules:
    """A rulebook with its conditions."""

    rulebook: Rulebook
    conditions: Mapping[Loc, Expression]


def rules_in_force(connection: Connection, rules: Ruleset) -> Rules | None:
    """The rules last put into force; None when there are none, or they can no longer be read."""
    stored = sources_in_force(connection)
    if not stored:
        return None
    book, tariff = rules.rulebook, points.in_force(connection)
    try:
        kept = {name: source.pop(CALENDAR, None) for name, source in stored.items()}
        segments = {name: text for source in stored.values() for name, text in source.pop(SEGMENTS, {}).items()}
        campaigns = {name: Campaign.model_validate({**source, "name": name}) for name, source in stored.items()}
        calendars = {**book.calendars, **dict(_calendar_days(campaigns, kept))}
        old = Rulebook(
            book.company, book.policy, campaigns, book.events, book.fields, calendars=calendars, points=tariff,
            segments=segments,
        )  # fmt: skip
        return Rules(old, conditions(old))
    except (ValidationError, ExpressionErrors, TypeError, ValueError):
        return None  # written by a version with other keys, or about events that no longer exist


def _calendar_days(
    campaigns: Mapping[str, Campaign], kept: Mapping[str, Mapping[str, str | None] | None]
) -> Iterator[tuple[str, CalendarDay]]:
    """The calendar days of campaigns in force, by name."""
    for name, campaign in campaigns.items():
        days, every = kept[name], campaign.every
        if days is not None and every is not None and every.calendar is not None:
            yield every.calendar, CalendarDay.of(every.calendar, days)


def conditions(book: Rulebook) -> dict[Loc, Expression]:
    """Every condition of the rulebook, by where it is written; raises ExpressionErrors."""
    catalogue = catalogue_of(book)
    return {
        loc: read(text, loc, campaign, catalogue)
        for campaign in book.campaigns.values()
        for loc, text in written(campaign)
    }
