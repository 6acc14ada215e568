"""Rules without files: a rulebook and its compiled conditions from a few words, for tests of planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from regulars.audience.expression import Expression
from regulars.audience.rule_catalogue import catalogue_of
from regulars.core.diagnostics import render
from regulars.rules.calendar_days import CalendarDay
from regulars.rules.loader import Loaded
from regulars.rules.model import Campaign, Company, FieldType, Loc, Policy, Rulebook
from regulars.rules.tariff import Points
from regulars.workspace.conditions import parsed, read, written

COMPANY = {
    "name": "Studio", "from": "Studio <hello@studio.example>", "address": "7 Flower Street", "timezone": "UTC",
}  # fmt: skip
EVENTS: Mapping[str, Mapping[str, FieldType]] = {
    "visit.done": {"score": FieldType.NUMBER},
    "complaint.opened": {"about": FieldType.TEXT, "score": FieldType.NUMBER},
    "visit.booked": {"visit": FieldType.TEXT, "starts_at": FieldType.INSTANT},
}


@dataclass(frozen=True)
class Rules:
    """A ruleset as the planner takes it."""

    rulebook: Rulebook
    conditions: Mapping[Loc, Expression]

    def with_campaigns(self, campaigns: Mapping[str, Mapping[str, Any]]) -> Rules:
        """The same company and policy with other campaigns."""
        return _compiled(replace(self.rulebook, campaigns=_campaigns(campaigns)))


def of_loaded(loaded: Loaded) -> Rules:
    """What was read from files, with those conditions that are sound."""
    book = loaded.draft
    assert book is not None, render(loaded.diagnostics, loaded.sources)
    return Rules(book, parsed(book, catalogue_of(book), loaded, []))


def rules(
    campaigns: Mapping[str, Mapping[str, Any]],
    *,
    policy: Mapping[str, Any] | None = None,
    company: Mapping[str, Any] | None = None,
    fields: Mapping[str, FieldType] | None = None,
    points: Mapping[str, Any] | None = None,
    calendars: Mapping[str, Mapping[str, str]] | None = None,
    segments: Mapping[str, str] | None = None,
) -> Rules:
    """Campaigns as they would stand in a file, under a company in UTC and an empty policy."""
    return _compiled(
        Rulebook(
            company=Company.model_validate({**COMPANY, **(company or {})}),
            policy=Policy.model_validate(dict(policy or {})),
            campaigns=_campaigns(campaigns),
            events=EVENTS,
            fields=dict(fields or {}),
            calendars={name: _feast(name, days) for name, days in (calendars or {}).items()},
            points=Points.model_validate(dict(points or {})),
            segments=dict(segments or {}),
        )
    )


def _feast(name: str, days: Mapping[str, str]) -> CalendarDay:
    return CalendarDay.of(name, {land: None if day == "none" else day for land, day in days.items()})


def _campaigns(campaigns: Mapping[str, Mapping[str, Any]]) -> dict[str, Campaign]:
    return {name: Campaign.model_validate({**rule, "name": name}) for name, rule in campaigns.items()}


def _compiled(book: Rulebook) -> Rules:
    catalogue = catalogue_of(book)
    found: dict[Loc, Expression] = {}
    for campaign in book.campaigns.values():
        found |= {loc: read(text, loc, campaign, catalogue) for loc, text in written(campaign)}
    return Rules(book, found)
