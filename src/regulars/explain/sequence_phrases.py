"""A sequence with waits for events and branches in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from regulars.audience.condition_phrases import condition_phrase
from regulars.audience.field_labels import event_field_label, event_label, joined_words, quoted
from regulars.context.plan_context import Ruleset
from regulars.core.working import Wait
from regulars.rules.model import Campaign, Loc
from regulars.rules.steps import Choose, Exit, Split, Start, Step, WaitFor


def sequence_phrase(campaign: Campaign, rules: Ruleset) -> str:
    """The steps in order, those of branches in brackets."""
    root = campaign.route.stops[campaign.route.root].item if campaign.route.root is not None else None
    if not isinstance(root, Split):
        return f"a sequence of emails: {_list(campaign, rules, campaign.steps, ('steps',))}"
    ways = [
        f"{quoted(str(one.id))}: {_list(campaign, rules, one.steps, ('variants', place, 'steps'))}"
        for place, one in zip(root.places, root.branches, strict=True)
    ]
    if root.common:
        ways.append(f"the others: {_list(campaign, rules, root.common, ('steps',))}")
    return f"a sequence of emails by variant ({'; '.join(ways)})"


def _list(campaign: Campaign, rules: Ruleset, items: Sequence[Any], loc: Loc) -> str:
    found = []
    for place, item in enumerate(items):
        here: Loc = (*loc, place)
        if isinstance(item, Step):
            found.append(_email(campaign, rules, item, here))
        elif isinstance(item, WaitFor):
            found.append(_wait(campaign, rules, item, here))
        elif isinstance(item, Choose):
            found.append(_choice(campaign, rules, item, here))
        elif isinstance(item, Start):
            found.append(f"start {quoted(item.start)} for them")
        elif isinstance(item, Exit):
            found.append("end")
    return ", then ".join(found) or "go straight on"


def _email(campaign: Campaign, rules: Ruleset, step: Step, loc: Loc) -> str:
    at = f"{step.at.words or 'at '}the event's {event_field_label(step.at.field)}" if step.at else _later(step.wait)
    calendar = " with the calendar file" if step.attach else ""
    return f"{at} {quoted(step.email)}{calendar}{_only(campaign, rules, loc)}"


def _wait(campaign: Campaign, rules: Ruleset, item: WaitFor, loc: Loc) -> str:
    awaited = item.wait_for
    what = event_label(awaited.event)
    if awaited.same:
        what += f" with the same {joined_words([event_field_label(each) for each in awaited.same])}"
    then = _list(campaign, rules, item.then, (*loc, "then"))
    otherwise = _list(campaign, rules, item.otherwise, (*loc, "else"))
    only = _only(campaign, rules, loc)
    return f"wait up to {awaited.limit} for {what}{only} (if it comes: {then}; else: {otherwise})"


def _choice(campaign: Campaign, rules: Ruleset, item: Choose, loc: Loc) -> str:
    ways = []
    for place, branch in enumerate(item.choose):
        steps = _list(campaign, rules, branch.steps, (*loc, "choose", place, "steps"))
        condition = rules.conditions.get(("campaigns", campaign.name, *loc, "choose", place, "if"))
        who = f"if {condition_phrase(condition.node)}" if condition else "for all others"
        ways.append(f"{who}: {steps}")
    wait = f"{_later(item.wait)} " if item.wait else ""
    return f"{wait}decide once ({'; '.join(ways)})"


def _only(campaign: Campaign, rules: Ruleset, loc: Loc) -> str:
    condition = rules.conditions.get(("campaigns", campaign.name, *loc, "if"))
    return f" (only if {condition_phrase(condition.node)})" if condition else ""


def _later(wait: Wait) -> str:
    return f"{wait} later" if wait else "at once"
