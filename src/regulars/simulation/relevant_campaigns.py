"""The campaigns that can matter to a rule test. A test of one client's week need not plan what cannot happen in it.

Left out is only what provably writes to nobody in the scene: an event that does not occur there, a date the client
does not have, a calendar that brings nothing. Every other campaign stays, because it may take a place under the cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from regulars.audience.expression import Expression
from regulars.dispatch.dispatcher import Rules
from regulars.render.compile import Templates
from regulars.rules.fields import DERIVED
from regulars.rules.model import Campaign, Loc, Rulebook
from regulars.simulation.instants import on_calendar
from regulars.simulation.scene import Scene

_MARGIN = timedelta(days=3)
"""Looked back from the rules' coming into force, farther than any zone or midnight reaches."""


@dataclass(frozen=True)
class RelevantRules:
    """The rules of a workspace with some campaigns left out."""

    rulebook: Rulebook
    conditions: Mapping[Loc, Expression]
    templates: Templates


def relevant_campaigns(rules: Rules, scene: Scene) -> RelevantRules:
    """The rules without those campaigns that cannot come into play; what the test names always stays."""
    book = rules.rulebook
    campaigns = {
        name: campaign
        for name, campaign in book.campaigns.items()
        if name in scene.test.expect or (campaign.enabled and _possible(campaign, book, scene))
    }
    return RelevantRules(replace(book, campaigns=campaigns), rules.conditions, rules.templates)


def _possible(campaign: Campaign, book: Rulebook, scene: Scene) -> bool:
    if campaign.on is not None:
        return campaign.on in _happening(scene)
    if campaign.new is not None:
        return any(product.launched_at is not None for product in scene.test.catalogue)
    if campaign.every is not None and campaign.every.calendar is not None:
        if campaign.backfill.mode != "none":
            return True
        return bool(on_calendar([campaign], book, (scene.zone,), scene.in_force - _MARGIN, scene.until))
    if campaign.every is not None:
        field = campaign.every.field
        known = bool(scene.test.purchases) if field in DERIVED else scene.test.customer.get(field) is not None
        return known or field == "created_at"
    if campaign.backfill.mode == "none" and (campaign.at or campaign.schedule):
        return bool(on_calendar([campaign], book, (scene.zone,), scene.in_force - _MARGIN, scene.until))
    return True


def _happening(scene: Scene) -> set[str]:
    bought = {"purchase"} if scene.test.purchases else set[str]()
    return bought | {event.name for event in scene.test.events}
