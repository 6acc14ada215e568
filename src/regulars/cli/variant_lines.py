"""The results of variants as lines of `report`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regulars.insights.variant_results import VariantComparison, VariantGroup, VariantResults

_GROUPS = {"control": "the control group", "written": "without a variant"}


def variant_lines(name: str, found: VariantResults) -> Iterator[str]:
    """How many of each group reached the goal, each comparison, and the warnings."""
    if found.goal is None:
        yield f"{name}: variants, without a goal: {', '.join(_drawn(group) for group in found.groups)}"
    else:
        yield f"{name}: variants, {found.goal}: {', '.join(_group(group) for group in found.groups)}"
    for one in found.comparisons:
        yield f"  {_comparison(one)}"
    if any(one.interval is not None for one in found.comparisons):
        together = f", all {len(found.comparisons)} together" if len(found.comparisons) > 1 else ""
        yield f"  (always-valid 95 % intervals{together}: they hold however often you look)"
    for warning in found.warnings:
        yield f"  {warning}"


def _drawn(group: VariantGroup) -> str:
    return f"{_GROUPS.get(group.name, group.name)} {group.drawn:,}"


def _group(group: VariantGroup) -> str:
    counted = group.counted
    share = "" if counted.share is None else f" ({counted.share:.1%})"
    return f"{_GROUPS.get(group.name, group.name)} {counted.reached:,} of {counted.clients:,}{share}"


def _comparison(one: VariantComparison) -> str:
    head = f"{one.name} against {_GROUPS.get(one.against, one.against)}"
    if one.compared.gain is None or one.interval is None:
        return f"{head}: nothing to compare yet"
    return f"{head}: {one.compared.gain:+.1%}, between {one.interval.low:+.1%} and {one.interval.high:+.1%}"
