"""Parses every condition of the rules; a fault is reported at its character in the file."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.audience.check_context import Place
from regulars.audience.expression import Expression, parse
from regulars.audience.problems import ExpressionErrors
from regulars.audience.vocabulary import Catalogue
from regulars.core.diagnostics import Diagnostic
from regulars.rules.loader import Loaded
from regulars.rules.model import Campaign, Loc, Rulebook
from regulars.rules.tree import find
from regulars.triggers.kinds import trigger_of
from regulars.workspace import segment_checks


def written(campaign: Campaign) -> Iterator[tuple[Loc, str]]:
    """The conditions of a campaign with their locations."""
    loc: Loc = ("campaigns", campaign.name)
    if trigger_of(campaign).condition is not None:
        yield (*loc, campaign.trigger_key), getattr(campaign, campaign.trigger_key)
    if campaign.audience is not None:
        yield (*loc, "audience"), campaign.audience
    for place, text in campaign.step_conditions:
        yield (*loc, *place), text


def read(text: str, loc: Loc, campaign: Campaign, catalogue: Catalogue) -> Expression:
    """One condition of a campaign, which can use the event or product of its trigger; raises ExpressionErrors."""
    trigger = trigger_of(campaign)
    awaited = campaign.awaited_at(loc[2:-1])
    named = trigger.subject.event if awaited is None else awaited
    event = named if named in catalogue.events else None
    kind = trigger.condition if loc[-1] == campaign.trigger_key else None
    place: Place = "state" if loc[-1] == "when" else "rule"
    return parse(text, catalogue, event, product=trigger.subject.product, kind=kind or "condition", place=place)


def parsed(rulebook: Rulebook, catalogue: Catalogue, loaded: Loaded, faults: list[Diagnostic]) -> dict[Loc, Expression]:
    """All valid conditions by location; diagnostics of the others are added to `faults`."""
    found: dict[Loc, Expression] = {}
    faults += segment_checks.cycles(rulebook, loaded)
    for name, text in rulebook.segments.items():
        place: Loc = ("segments", name)
        try:
            found[place] = parse(text, catalogue, place="segment")
        except ExpressionErrors as errors:
            faults += _diagnostics(errors, place, loaded)
    for campaign in rulebook.campaigns.values():
        for loc, text in written(campaign):
            try:
                found[loc] = read(text, loc, campaign, catalogue)
            except ExpressionErrors as errors:
                faults += _diagnostics(errors, loc, loaded)
        faults += _goals(campaign, catalogue, loaded)
    faults += segment_checks.unknown_past(rulebook, found, loaded)
    return found


def _goals(campaign: Campaign, catalogue: Catalogue, loaded: Loaded) -> Iterator[Diagnostic]:
    """Faults in the conditions of goals, which ask about the goal's event alone: they are judged long after it."""
    for index, goal in enumerate(campaign.goals):
        if goal.condition is None or goal.event not in catalogue.events:
            continue
        loc: Loc = ("campaigns", campaign.name, "goal", "if")
        loc = loc if find(loaded.root, loc) is not None else (*loc[:-1], index, "if")
        try:
            read_condition = parse(goal.condition, catalogue, goal.event)
        except ExpressionErrors as errors:
            yield from _diagnostics(errors, loc, loaded)
            continue
        part = read_condition.elsewhere
        if part is not None:
            yield Diagnostic(
                "A015",
                "the condition of a goal asks about more than the event",
                loaded.part(loc, part.start, part.end - part.start),
                expected=f"fields of `{goal.event}`, such as `event.{next(iter(catalogue.events[goal.event]), 'at')}`",
                hint="who is written to is said in `audience`",
            )


def _diagnostics(errors: ExpressionErrors, loc: Loc, loaded: Loaded) -> Iterator[Diagnostic]:
    for problem in errors.problems:
        place = loaded.part(loc, problem.offset, problem.length)
        yield Diagnostic("A001", problem.message, place, expected=problem.expected, hint=problem.hint)
