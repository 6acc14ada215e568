"""Values of conditions as nouns of a sentence: "the client's latest purchase", "the number of days since …"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import assert_never, cast

from regulars.audience.field_labels import (
    client_label,
    date_words,
    event_field_label,
    event_label,
    joined_words,
    named,
    number_words,
    quoted,
    within_words,
)
from regulars.audience.nodes import (
    PURCHASE,
    VISIT,
    AllOf,
    AnyNode,
    AnyOf,
    Arithmetic,
    Bought,
    Choose,
    Compare,
    CustomerField,
    DaysSince,
    EventField,
    History,
    Holds,
    InSegment,
    IsNone,
    LeftSegment,
    Lines,
    Literal,
    LocalDay,
    Member,
    Negate,
    Node,
    Not,
    Now,
    ProductField,
    TextTest,
    Today,
    Upcoming,
)
from regulars.rules.fields import EVENTS

ClauseOf = Callable[[Node], str]
"""The function that words a yes-or-no part as a clause; from `condition_phrases`."""
_OPERATORS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


def value_phrase(node: Node, clause: ClauseOf) -> str:
    """The value as a noun; of a condition, whether it holds."""
    any_node = cast(AnyNode, node)
    match any_node:
        case Literal() | CustomerField() | EventField() | ProductField() | Now() | Today():
            return _plain(any_node)
        case Arithmetic() | Negate() | DaysSince() | Choose() | History():
            return _composed(any_node, clause)
        case Lines():
            return _lines(any_node)
        case LocalDay():
            return f"the day of {operand_phrase(any_node.operand, clause)}"
        case Upcoming(function="next"):
            return f"the client's next {upcoming_label(any_node)}"
        case InSegment() | LeftSegment() | Upcoming():
            return f"whether {clause(any_node)}"
        case Not() | AllOf() | AnyOf() | Compare() | Member() | Holds() | IsNone() | TextTest() | Bought():
            return f"whether {clause(any_node)}"
        case _:
            assert_never(any_node)


def _plain(node: Literal | CustomerField | EventField | ProductField | Now | Today) -> str:
    match node:
        case Literal():
            return literal_phrase(node)
        case CustomerField():
            return f"the client's {quoted(named(node.name)) if node.custom else client_label(node.name)}"
        case EventField():
            return _event_field(node)
        case ProductField():
            return f"the product's {event_field_label(node.name)}"
        case Now():
            return "now"
        case Today():
            return "today"
        case _:
            assert_never(node)


def _composed(node: Arithmetic | Negate | DaysSince | Choose | History, clause: ClauseOf) -> str:
    match node:
        case Arithmetic():
            sides = (operand_phrase(side, clause) for side in (node.left, node.right))
            return f" {_OPERATORS[node.op]} ".join(sides)
        case Negate():
            return f"minus {operand_phrase(node.operand, clause)}"
        case DaysSince():
            return f"the number of days {'until' if node.until else 'since'} {value_phrase(node.operand, clause)}"
        case Choose():
            yes, no = (operand_phrase(side, clause) for side in (node.yes, node.no))
            return f"{yes} where {clause(node.condition)}, else {no}"
        case History():
            return _history(node, clause)
        case _:
            assert_never(node)


def _lines(node: Lines) -> str:
    within = within_words(node.within)
    if node.function == "spent":
        return f"the amount that the client spent on {quoted(node.what)}{within}"
    return f"the number of {quoted(node.what)} that the client bought{within}"


def upcoming_label(node: Upcoming) -> str:
    """One appointment of that kind, to follow an article: "visit", "“demo agreed”"."""
    return VISIT if node.event == VISIT else event_label(node.event)


def _event_field(node: EventField) -> str:
    """A field of the trigger's event or product; declared fields are quoted, those of a purchase are not."""
    if node.name == "at":
        return f"this {event_label(node.event)}"
    if node.name in EVENTS.get(node.event, {}):
        return f"the {event_field_label(node.name)} of the {event_label(node.event)}"
    return f"the event's {quoted(named(node.name))}"


def operand_phrase(node: Node, clause: ClauseOf) -> str:
    """The same within a longer noun: compound phrases are in brackets."""
    phrase = value_phrase(node, clause)
    return f"({phrase})" if isinstance(node, Arithmetic | Choose) else phrase


def literal_phrase(node: Literal) -> str:
    """A value that the author wrote."""
    value = node.value
    match value:
        case None:
            return "nothing known"
        case bool():
            return "yes" if value else "no"
        case str():
            return quoted(value)
        case float():
            return number_words(value)
        case date():
            return date_words(value)
        case _:
            assert_never(value)


def items_phrase(items: tuple[Literal, ...]) -> str:
    """The values of a list, any of which will do."""
    return joined_words([literal_phrase(item) for item in items], "or")


def _history(node: History, clause: ClauseOf) -> str:
    within = within_words(node.within)
    match node.function:
        case "spent":
            return f"the amount that the client spent{within}"
        case "count":
            what = "purchases" if node.event == PURCHASE else f"times they had {event_label(node.event)}"
            return f"the client's number of {what}{within}"
        case "first" | "last":
            return f"the client's {'first' if node.function == 'first' else 'latest'} {event_label(node.event)}{within}"
    return f"whether {clause(node)}"
