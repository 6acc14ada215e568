"""Where a client stands in a sequence: which decision they wait for, until when, what was decided, what follows."""

from __future__ import annotations

from datetime import datetime

from regulars.eligibility.split import CAUSE
from regulars.rules.route import Edge
from regulars.rules.steps import DRAWN, IN_TIME, NO_BRANCH, STARTED, TIME_IS_OVER, Choose, Step, WaitFor
from regulars.triggers.explained import CampaignExplanation, Decided, ExplainedClient


def waiting(case: ExplainedClient) -> CampaignExplanation | None:
    """The decision for which the client waits; None where they wait for none."""
    for row in reversed(case.decisions):
        stop = case.campaign.route.stops.get(row.step)
        if row.branch is not None or stop is None:
            continue
        until = case.when(row.until_at)
        item = stop.item
        if isinstance(item, WaitFor):
            also = f" with same {' and '.join(item.wait_for.same)}" if item.wait_for.same else ""
            then, otherwise = (_next(case, row.step, result) for result in (IN_TIME, TIME_IS_OVER))
            text = f"Waits at `{row.step}` for a `{item.wait_for.event}`{also} until {until}"
            due = _due(case, row.step, TIME_IS_OVER, row.until_at)
            return CampaignExplanation(f"{text}: then {then}, else {otherwise}.", due)
        return CampaignExplanation(f"Waits at `{row.step}`, which is decided on {until}.", row.until_at)
    return None


def following(case: ExplainedClient) -> CampaignExplanation | None:
    """The email that follows a decision or a move after its wait; None where none does."""
    for row in reversed(case.decisions):
        at, key = (row.at, case.campaign.route.follows(Edge(row.step, row.branch or "")))
        if row.moved_to is not None:
            at, key = row.moved_at, row.moved_to
        stop = case.campaign.route.stops.get(key or "")
        if stop is None or at is None or not isinstance(stop.item, Step) or is_past(case, stop.key, row.occurrence):
            continue
        due = case.after_wait(at, stop.item.wait)
        if due > case.now:
            end = f", unless there is a `{case.campaign.until.event}` before" if case.campaign.until else ""
            return CampaignExplanation(f"{outcome(case, row)} `{stop.key}` follows on {case.when(due)}{end}.", due)
    return None


def last_outcome(case: ExplainedClient) -> str:
    """The latest decision as a sentence, if nothing was promised after it; else empty."""
    decided = [row for row in case.decisions if row.decided_at is not None]
    if not decided:
        return ""
    row = max(decided, key=lambda each: (each.decided_at or each.began_at, each.began_at))
    if any((promise.settled_at or promise.created_at) >= (row.decided_at or row.began_at) for promise in case.after):
        return ""
    return outcome(case, row)


def outcome(case: ExplainedClient, row: Decided) -> str:
    """What was decided at a step, when and why, as a sentence."""
    if row.moved_to is not None:
        to = f"with `{row.moved_to}`" if row.moved_to else "to the end"
        return f"Moved from `{row.step}` on {case.when(row.moved_at or row.began_at)}, as the rule was edited, {to}."
    detail, at = (row.cause or "").partition(":")[2], case.when(row.at or row.began_at)
    words = {
        "~late": f"`{row.step}` was not entered: it was too late on {at}.",
        "~again": f"`{row.step}` was not entered on {at}: the campaign came too recently.",
        "~ended": f"The sequence ended at `{row.step}` on {at}: its `until` happened.",
        STARTED: f"`{detail}` was started on {at}.",
        NO_BRANCH: f"`{row.step}` was decided on {at}: no branch, since no condition was true.",
        TIME_IS_OVER: f"`{row.step}` was over on {at}: the event did not happen in time.",
        IN_TIME: f"`{row.step}` was decided on {at}: the event happened (`{detail}`).",
    }
    if row.step == DRAWN and (row.cause or "").startswith(CAUSE):
        return f"Drawn for {f'the variant `{detail}`' if detail else 'no variant'} on {at}."
    stop = case.campaign.route.stops.get(row.step)
    chosen = stop is not None and isinstance(stop.item, Choose) and any(row.branch == b.key for b in stop.item.choose)
    if row.branch in words and not chosen:
        return words[row.branch]
    return f"`{row.step}` was decided on {at}: branch `{row.branch}`, since `{row.cause}`."


def _next(case: ExplainedClient, key: str, result: str) -> str:
    """What follows an outcome, in words."""
    to = case.campaign.route.follows(Edge(key, result))
    if to is None:
        return "the sequence ends"
    item = case.campaign.route.stops[to].item
    if isinstance(item, Step):
        return f"`{to}` {f'{item.wait} later' if item.wait else 'at once'}"
    return f"`{to}` decides" if isinstance(item, Choose) else f"`{to}` follows"


def _due(case: ExplainedClient, key: str, result: str, at: datetime) -> datetime | None:
    """When an email can follow the outcome at the earliest; None where the sequence ends."""
    to = case.campaign.route.follows(Edge(key, result))
    if to is None:
        return None
    item = case.campaign.route.stops[to].item
    return case.after_wait(at, item.wait) if isinstance(item, (Step, Choose)) else at


def is_past(case: ExplainedClient, key: str, occurrence: str) -> bool:
    """Whether the client is at the step or beyond it, as `planner.ways.past` has it."""
    there = {key, *case.campaign.route.beyond[key]}
    if any(row.step in there and row.occurrence == occurrence for row in case.after):
        return True
    return any(
        row.occurrence == occurrence and (row.step in there or row.moved_to in {"", *case.campaign.route.beyond[key]})
        for row in case.decisions
    )
