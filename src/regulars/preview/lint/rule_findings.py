"""Looks at rules: conditions that can never hold, or that hold for nobody or everybody, and campaigns that collide."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from regulars.audience.contradiction import impossible
from regulars.audience.expression import Expression
from regulars.context.plan_context import PlanContext
from regulars.eligibility.audience_size import audience_size, client_count
from regulars.preview.lint.finding import Finding, Level
from regulars.rules.model import Campaign, Kind, Loc
from regulars.workspace.folder import Workspace

_ABOUT_CLIENTS = frozenset({"audience", "when"})
"""Keys whose conditions are about clients alone, so that they can be counted."""


def impossible_conditions(workspace: Workspace) -> Iterator[Finding]:
    """Conditions that no data can meet."""
    for place, condition in workspace.conditions.items():
        found = impossible(condition.node)
        if found is not None:
            part = condition.text[found.start : found.end] or condition.text
            advice = f"`{part}` excludes what the rest asks for"
            yield Finding("never", _where(place), f"`{condition.text}` can never hold", advice)


def counted_conditions(context: PlanContext, workspace: Workspace) -> Iterator[Finding]:
    """Conditions that hold for no client of the database, or for every one."""
    everybody = client_count(context)
    if not everybody:
        return
    for place, condition in workspace.conditions.items():
        if not _is_about_clients(place, condition):
            continue
        number = audience_size(context, condition).matching
        if number == 0:
            message = f"no client of {everybody:,} meets `{condition.text}` now"
            yield Finding("nobody", _where(place), message, "look whether the data has what it asks for", Level.HINT)
        elif number == everybody and place[-1] == "audience":
            message = f"every client meets `{condition.text}` now"
            yield Finding("everybody", _where(place), message, "leave it out, or say more", Level.HINT)


def _is_about_clients(place: Loc, condition: Expression) -> bool:
    return place[0] == "segments" or (place[0] == "campaigns" and len(place) == 3 and place[-1] in _ABOUT_CLIENTS)


def collisions(workspace: Workspace) -> Iterator[Finding]:
    """Marketing campaigns that are due at one instant for the same clients, more than a cap lets through."""
    rules = workspace.rulebook
    if not rules.policy.cap:
        return
    marketing = [one for one in rules.by_priority if one.enabled and one.kind is Kind.MARKETING]
    marketing = [one for one in marketing if one.to == "customer"]
    for one, other in combinations(marketing, 2):
        if _occasion(one) == _occasion(other) and one.audience == other.audience:
            yield Finding(
                "collision", f"{one.name}, {other.name}",
                f"both are due at the same instant for the same clients, and the cap lets `{one.name}` go first",
                "let one wait, or give them audiences that exclude each other",
            )  # fmt: skip


def _occasion(campaign: Campaign) -> tuple[str, str, str]:
    return campaign.trigger_key, str(getattr(campaign, campaign.trigger_key)), str(campaign.lead)


def _where(place: Loc) -> str:
    return " ".join(str(part) for part in place)
