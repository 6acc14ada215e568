"""The goals of a campaign in plain words."""

from __future__ import annotations

from regulars.audience.condition_phrases import condition_phrase
from regulars.audience.field_labels import event_field_label, event_label, joined_words
from regulars.context.plan_context import Ruleset
from regulars.core.clock import words
from regulars.insights.goal_events import goal_condition
from regulars.rules.goal_rules import Goal
from regulars.rules.model import Campaign


def goal_sentence(campaign: Campaign, rules: Ruleset) -> str:
    """What the campaign is for; empty without a goal."""
    goals = [_goal(goal, rules) for goal in campaign.goals]
    if len(goals) > 1:
        return f"the goals are {joined_words(goals)}"
    return f"the goal is {goals[0]}" if goals else ""


def _goal(goal: Goal, rules: Ruleset) -> str:
    named = event_label(goal.event)
    article = "an" if named.lstrip("“")[0] in "aeiou" else "a"
    text = f"{article} {named} within {words(goal.within)}"
    condition = goal_condition(goal, rules.rulebook)
    if condition is not None:
        text += f" if {condition_phrase(condition.node)}"
    return text if goal.value is None else f"{text} (the {event_field_label(goal.value)} is added up)"
