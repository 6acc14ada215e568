"""Whether the goals of a campaign fit the events: the event exists, its value is a number, and something can follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from regulars.core.diagnostics import Severity, did_you_mean
from regulars.rules.fields import FieldType
from regulars.rules.goal_rules import Goal, short_goal
from regulars.rules.grammar import duration
from regulars.rules.model import Campaign, Kind
from regulars.rules.rule_test_reader import undeclared_event
from regulars.rules.tree import Entries, Items, Loc, Node, Scalar, child, find
from regulars.rules.validation_messages import ValidationMessages


def check_goals(root: Entries, messages: ValidationMessages, events: Mapping[str, Any], campaign: Loc) -> None:
    """Reports on the goals at `campaign`, also where another part of it is faulty."""
    for loc, node in _written(root, (*campaign, "goal")):
        named: Loc = (*loc, "event") if isinstance(node, Entries) else loc
        event, span = _event_and_span(node)
        if event is not None and event not in events:
            undeclared_event(messages, named, event, events, 0)
        if span is not None and not span:
            message = "within no time at all no goal can be reached"
            place: Loc = (*loc, "within") if isinstance(node, Entries) else loc
            messages.add("R111", message, place, severity=Severity.WARNING, hint="such as `within: 14 days`")
        value = child(node, "value")
        if isinstance(value, Scalar) and not value.null and event is not None and event in events:
            _value(messages, (*loc, "value"), value.text, event, events[event])


def _written(root: Entries, loc: Loc) -> Iterator[tuple[Loc, Node]]:
    node = find(root, loc)
    if isinstance(node, Items):
        yield from (((*loc, index), item) for index, item in enumerate(node.items))
    elif node is not None:
        yield loc, node


def _event_and_span(node: Node) -> tuple[str | None, timedelta | None]:
    """What could be read of both; the rest is reported by the models."""
    if isinstance(node, Scalar):
        with suppress(ValueError):
            return short_goal(node.text)
        return None, None
    event, within, span = child(node, "event"), child(node, "within"), None
    if isinstance(within, Scalar) and not within.null:
        with suppress(ValueError):
            span = duration(within.text)
    return event.text if isinstance(event, Scalar) and not event.null else None, span


def _value(messages: ValidationMessages, loc: Loc, name: str, event: str, fields: Mapping[str, FieldType]) -> None:
    if fields.get(name) is FieldType.NUMBER:
        return
    numbers = sorted(field for field, kind in fields.items() if kind is FieldType.NUMBER)
    fault = f"`{name}` of `{event}` is {fields[name]}, not a number" if name in fields else f"`{event}` has no `{name}`"
    declared = f"declare it under `events`: `{event}: {{{name}: number}}`" if name not in fields else None
    messages.add(
        "R040", fault, loc,
        expected="a number field of the event: " + ", ".join(f"`{each}`" for each in numbers) if numbers else None,
        hint=did_you_mean(name, numbers) or declared,
    )  # fmt: skip


def advise_on_goals(messages: ValidationMessages, loc: Loc, campaign: Campaign) -> None:
    """Warnings about goals that are valid, and say little."""
    if not campaign.goals:
        return
    place: Loc = (*loc, "goal")
    if campaign.kind is Kind.TRANSACTIONAL and any(goal.event == "purchase" for goal in campaign.goals):
        message = "a transactional email follows what a client did; what comes after it would mostly have come anyway"
        messages.add("R110", message, place, severity=Severity.WARNING, hint="leave the goal out")
    elif campaign.to == "manager" and not campaign.holdout:
        message = "the email goes to a manager; what a client does is counted after emails to the client"
        messages.add("R110", message, place, severity=Severity.WARNING, hint="leave the goal out, or add a `holdout`")
    seen: set[Goal] = set()
    for index, goal in enumerate(campaign.goals):
        if goal in seen:
            message = f"`{goal}` is there twice"
            messages.add("R112", message, (*place, index), severity=Severity.WARNING, hint="keep one of them")
        seen.add(goal)
