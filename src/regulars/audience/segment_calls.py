"""`in_segment('best')` and `left_segment('best')`: the segment that is named, and where one may ask who left it."""

from __future__ import annotations

from jinja2 import nodes as jinja

from regulars.audience import nodes
from regulars.audience.check_context import CheckContext
from regulars.audience.nodes import Node
from regulars.core.diagnostics import did_you_mean
from regulars.rules.fields import FieldType


def segment(checker: CheckContext, node: jinja.Call, function: str, argument: jinja.Expr) -> Node | None:
    """The node of a call; None for a segment with a fault of its own. Raises Wrong."""
    before = len(checker.problems)
    name = checker.written(argument, "the name of a segment")
    if len(checker.problems) > before:
        return None
    known = checker.catalogue.segments
    if name not in known:
        raise checker.wrong(argument, f"there is no segment `{name}`", _expected(known), _nearest(checker, name))
    if checker.words(argument)[1:-1] != name:  # `rules.segments` finds names in the text, without parsing it
        raise checker.wrong(argument, "the name of a segment is written in one piece", f"`'{name}'`")
    if function == "left_segment" and checker.role != "state":
        raise checker.wrong(
            node,
            "only `when` can ask who left a segment: it is a moment, not a state",
            f"`when: left_segment('{name}')`",
            f"write `not in_segment('{name}')` for those outside it",
        )
    found = known[name]
    if found.node is None:
        return None
    kind = nodes.InSegment if function == "in_segment" else nodes.LeftSegment
    return kind(*checker.place(node), FieldType.BOOL, name, found.text, found.node)


def _expected(known: object) -> str:
    names = sorted(known) if isinstance(known, dict) else []
    listed = ", ".join(f"`{name}`" for name in names)
    return f"one of {listed}" if listed else "the name of a segment, written under `segments:`"


def _nearest(checker: CheckContext, name: str) -> str | None:
    """The right word: a segment of nearly this name, or the other kind of thing that has it."""
    if (hint := did_you_mean(name, checker.catalogue.segments)) is not None:
        return hint
    if name in checker.catalogue.fields:
        return f"`{name}` is a field of clients: write `customer.{name}`"
    if name in checker.catalogue.events:
        return f"`{name}` is an event: write `did('{name}')`"
    return f"write it under `segments:`, such as `{name}: customer.spent > 500`"
