"""The vocabulary of conditions: fields of clients, events and their fields, functions.

Built-in fields come from the registry in `rules.fields`, the workspace's own fields and events from
its rule files. A built-in field cannot be redefined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from regulars.audience.nodes import Node
from regulars.rules.fields import CLIENT_FIELDS, FieldType


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a client."""

    name: str
    type: FieldType
    doc: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; `usage` shows its arguments."""

    name: str
    usage: str
    doc: str


BUILT_IN: Mapping[str, Field] = {name: Field(name, each.type, each.meaning) for name, each in CLIENT_FIELDS.items()}
"""The built-in fields."""

FUNCTIONS: Mapping[str, Function] = {
    f.name: f
    for f in (
        Function(
            "days_since", "days_since(date)", "whole days from a date or instant up to now; negative if it is to come"
        ),
        Function(
            "days_until", "days_until(date)", "whole days from now up to a date or instant; negative if it is past"
        ),
        Function("bought", "bought('sku or category', within='30 days')", "whether a purchase had such a product"),
        Function("did", "did('event', within='14 days')", "whether such an event happened"),
        Function("count", "count('event', within='30 days')", "how many such events happened"),
        Function(
            "spent",
            "spent(within='365 days', on='sku or category')",
            "the total of the purchases, or of such products in them",
        ),
        Function(
            "bought_quantity",
            "bought_quantity('sku or category', within='1 year')",
            "how many of such products were bought",
        ),
        Function("first", "first('event')", "when such an event happened first"),
        Function("last", "last('event')", "when such an event happened last"),
        Function("has_upcoming", "has_upcoming('visit')", "whether a visit is booked that is still to come"),
        Function("next", "next('visit')", "when the next visit begins; none without one"),
        Function("in_segment", "in_segment('segment')", "whether the client is in the segment"),
        Function(
            "left_segment",
            "left_segment('segment')",
            "whether the client was in the segment and is no longer; in `when`",
        ),
        Function("contains", "contains(text, part)", "whether the text has the part in it"),
        Function("starts_with", "starts_with(text, part)", "whether the text begins with the part"),
        Function("ends_with", "ends_with(text, part)", "whether the text ends with the part"),
    )
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A named condition; `node` is None where it has a fault of its own, which is reported there."""

    name: str
    text: str
    node: Node | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Fields, events and segments of one workspace; `zone` is the company's, in which written dates begin."""

    fields: Mapping[str, Field]
    events: Mapping[str, Mapping[str, FieldType]]
    zone: str = "UTC"
    segments: Mapping[str, Segment] = field(default_factory=dict)
