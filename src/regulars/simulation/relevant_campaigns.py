"""The campaigns that can matter to a rule test. A test need not plan campaigns that cannot trigger.

Left out are only campaigns that provably cannot trigger in the scene: an event that does not occur, a date the client
does not have, a calendar without a date. Every other campaign stays, because it may use the frequency cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from regulars.audience.expression import Expression
from regulars.dispatch.dispatcher import Rules
from regulars.render.compile import Templates
from regulars.rules.model import Loc, Rulebook
from regulars.rules.starting import starts
from regulars.simulation.scene import Scene
from regulars.triggers.base import Story
from regulars.triggers.kinds import trigger_of

_MARGIN = timedelta(days=3)
"""Margin before the rules come into force, larger than any time zone offset."""


@dataclass(frozen=True)
class RelevantRules:
    """The rules of a workspace with some campaigns left out."""

    rulebook: Rulebook
    conditions: Mapping[Loc, Expression]
    templates: Templates


def relevant_campaigns(rules: Rules, scene: Scene) -> RelevantRules:
    """The rules without campaigns that cannot trigger; those that the test names always stay."""
    book, story = rules.rulebook, _story(scene)
    campaigns = {
        name: campaign
        for name, campaign in book.campaigns.items()
        if name in scene.test.expect or (campaign.enabled and trigger_of(campaign).possible_in(story, book))
    }
    waiting = list(campaigns)
    while waiting:  # whoever is started may have nothing else that triggers it
        targets = {str(starts(stop.item)) for stop in book.campaigns[waiting.pop()].route.decisions}
        fresh = sorted(name for name in targets if name in book.campaigns and name not in campaigns)
        campaigns |= {name: book.campaigns[name] for name in fresh}
        waiting += fresh
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
