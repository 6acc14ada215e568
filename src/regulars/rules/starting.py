"""Campaigns that start others: which steps of which campaigns lead to a campaign."""

from __future__ import annotations

from regulars.rules.model import Rulebook
from regulars.rules.steps import Start

STARTED_BY = "started-by:"
"""How the occurrence of a started sequence begins; after it the other campaign's key and its occurrence."""


def starts(item: object) -> str | None:
    """The campaign that a step starts; None for other steps."""
    return item.start if isinstance(item, Start) else None


def starters(book: Rulebook, target: str) -> dict[str, list[str]]:
    """By name, the campaigns that start this one, with the keys of their steps that do."""
    found: dict[str, list[str]] = {}
    for name, campaign in book.campaigns.items():
        keys = [stop.key for stop in campaign.route.decisions if starts(stop.item) == target]
        if keys:
            found[name] = keys
    return found
