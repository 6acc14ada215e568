"""The vocabulary of one workspace's rules: its fields, events, and segments, each parsed once."""

from __future__ import annotations

from dataclasses import replace

from regulars.audience.expression import parse
from regulars.audience.nodes import Node
from regulars.audience.problems import ExpressionErrors
from regulars.audience.vocabulary import BUILT_IN, Catalogue, Field, Segment
from regulars.rules.fields import EVENTS
from regulars.rules.model import Rulebook
from regulars.rules.segments import parts_first


def catalogue_of(rulebook: Rulebook) -> Catalogue:
    """The vocabulary of these rules. A faulty segment is in it without a node; `workspace` reports its fault."""
    own = {name: Field(name, kind, "declared by the workspace", custom=True) for name, kind in rulebook.fields.items()}
    events = {name: dict(declared) for name, declared in rulebook.events.items()}
    for name, built_in in EVENTS.items():
        events[name] = events.get(name, {}) | dict(built_in)
    known = {name: Segment(name, text, None) for name, text in rulebook.segments.items()}
    catalogue = Catalogue(own | dict(BUILT_IN), events, rulebook.company.timezone, known)
    for name in parts_first(rulebook.segments):
        text = rulebook.segments[name]
        known[name] = Segment(name, text, _node(text, catalogue))
    return replace(catalogue, segments=known)


def _node(text: str, catalogue: Catalogue) -> Node | None:
    try:
        return parse(text, catalogue, place="segment").node
    except ExpressionErrors:
        return None
