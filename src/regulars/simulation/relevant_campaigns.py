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
from regulars.rules.model import Loc, Rulebook
from regulars.simulation.scene import Scene
from regulars.triggers.base import Story
from regulars.triggers.kinds import trigger_of

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
    book, story = rules.rulebook, _story(scene)
    campaigns = {
        name: campaign
        for name, campaign in book.campaigns.items()
        if name in scene.test.expect or (campaign.enabled and trigger_of(campaign).possible_in(story, book))
    }
    return RelevantRules(replace(book, campaigns=campaigns), rules.conditions, rules.templates)


def _story(scene: Scene) -> Story:
    test = scene.test
    return Story(
        events={event.name for event in test.events},
        purchased=bool(test.purchases),
        product_launched=any(product.launched_at is not None for product in test.catalogue),
        fields=test.customer,
        zone=scene.zone,
        since=scene.in_force - _MARGIN,
        until=scene.until,
    )
