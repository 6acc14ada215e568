"""Segments that are made of themselves, that nothing uses, or whose name is that of something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from regulars.audience.expression import Expression
from regulars.audience.vocabulary import Catalogue
from regulars.core.diagnostics import Diagnostic, Severity
from regulars.rules.loader import Loaded
from regulars.rules.model import Loc, Rulebook
from regulars.rules.segments import uses_in, way_round
from regulars.rules.tree import key_span


def cycles(rulebook: Rulebook, loaded: Loaded) -> Iterator[Diagnostic]:
    """An error for each ring of segments, at the first of them, with the way round."""
    seen: set[str] = set()
    for name, text in rulebook.segments.items():
        way = () if name in seen else way_round(name, rulebook.segments)
        if not way:
            continue
        seen.update(way)
        use = next(use for use in uses_in(text) if use.name == way[1])
        through = " → ".join(f"`{each}`" for each in way)
        message = f"the segment `{name}` is made of itself{f': {through}' if len(way) > 2 else ''}"
        hint = "write what it is made of without it"
        yield Diagnostic("A005", message, loaded.part(("segments", name), use.offset, len(use.name)), hint=hint)


def unknown_past(rulebook: Rulebook, conditions: Mapping[Loc, Expression], loaded: Loaded) -> Iterator[Diagnostic]:
    """An error where `backfill` reaches back before the plan from which it is kept who was in a segment."""
    for name, campaign in rulebook.campaigns.items():
        state = conditions.get(("campaigns", name, "when"))
        if state is not None and state.edges and campaign.backfill.mode != "none":
            segment = state.edges[0].name
            message = f"before this rule it is not kept who was in `{segment}`: nobody is known to have left it"
            place = rulebook.span("campaigns", name, "backfill")
            yield Diagnostic("A008", message, place, hint="leave `backfill` out")


def advice(
    rulebook: Rulebook,
    conditions: Mapping[Loc, Expression],
    catalogue: Catalogue,
    in_emails: Iterable[str],
    loaded: Loaded,
) -> Iterator[Diagnostic]:
    """Warnings about segments that no campaign, segment or email uses, and about names that mislead."""
    used = {name for condition in conditions.values() for name in condition.segments} | set(in_emails)
    for name in rulebook.segments:
        place = key_span(loaded.root, ("segments", name))
        if name not in used:
            message = f"no campaign, segment or email uses the segment `{name}`"
            yield Diagnostic(
                "A006", message, place, hint=f"`in_segment('{name}')` does, or remove it", severity=Severity.WARNING
            )
        if (shadowed := _shadowed(name, rulebook, catalogue)) is not None:
            yield Diagnostic("A007", shadowed, place, hint="give the segment another name", severity=Severity.WARNING)


def _shadowed(name: str, rulebook: Rulebook, catalogue: Catalogue) -> str | None:
    """What else has the name, hyphens and underscores being alike."""
    field = next((each for each in catalogue.fields if each.replace("_", "-") == name), None)
    if field is not None:
        return f"`{name}` is a field of clients too: `customer.{field}` and `in_segment('{name}')` are two things"
    if name in catalogue.events:
        return f"`{name}` is an event too: `did('{name}')` and `in_segment('{name}')` are two things"
    if name in rulebook.campaigns:
        return f"`{name}` is a campaign too"
    return None
