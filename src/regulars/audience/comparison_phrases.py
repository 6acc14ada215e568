"""Comparisons in words: the usual ones as people say them, all others by subject and predicate.

"has bought at least twice", "last bought more than 90 days ago", "has spent at least 500 in the last 365 days".
"""

from __future__ import annotations

from collections.abc import Mapping

from regulars.audience.field_labels import event_label, number_words, quoted, within_words
from regulars.audience.nodes import (
    PURCHASE,
    Arithmetic,
    Compare,
    Comparison,
    CustomerField,
    DaysSince,
    EventField,
    History,
    Lines,
    Literal,
    Node,
)
from regulars.audience.value_phrases import ClauseOf, operand_phrase, value_phrase
from regulars.rules.fields import CLIENT_FIELDS, FieldType

Sentence = tuple[str, str]
"""A subject and a predicate."""
_CLIENT = "the client"
_DENIED = {
    Comparison.EQ: Comparison.NE, Comparison.NE: Comparison.EQ, Comparison.LT: Comparison.GE,
    Comparison.GE: Comparison.LT, Comparison.GT: Comparison.LE, Comparison.LE: Comparison.GT,
}  # fmt: skip
_BOUND = {Comparison.LT: "less than", Comparison.LE: "at most", Comparison.GT: "more than", Comparison.GE: "at least"}
_NUMBERS: Mapping[Comparison, str] = {
    Comparison.LT: "is below", Comparison.LE: "is at most", Comparison.GT: "is above", Comparison.GE: "is at least",
}  # fmt: skip
_DATES: Mapping[Comparison, str] = {
    Comparison.LT: "is before", Comparison.LE: "is no later than", Comparison.GT: "is after",
    Comparison.GE: "is no earlier than",
}  # fmt: skip
_TEXTS: Mapping[Comparison, str] = {
    Comparison.LT: "comes in the alphabet before", Comparison.LE: "comes in the alphabet no later than",
    Comparison.GT: "comes in the alphabet after", Comparison.GE: "comes in the alphabet no earlier than",
}  # fmt: skip
_PAST = frozenset({"last_purchase_at", "first_purchase_at", "created_at", "birthday"})
"""Fields of clients that are never to come."""


def comparison(node: Compare, clause: ClauseOf, *, yes: bool) -> Sentence:
    """The phrase of a comparison of two values; negated with `yes` false."""
    op, left, right = node.op if yes else _DENIED[node.op], node.left, node.right
    if isinstance(left, Literal) and not isinstance(right, Literal):
        op, left, right = op.swapped, right, left
    if isinstance(right, Literal) and isinstance(right.value, float):
        phrase = _usual(left, op, right.value, clause)
        if phrase is not None:
            return phrase
    subject = value_phrase(left, clause) if isinstance(left, Arithmetic) else operand_phrase(left, clause)
    return subject, f"{_verb(op, left)} {operand_phrase(right, clause)}"


def _verb(op: Comparison, left: Node) -> str:
    if op is Comparison.EQ:
        return "is"
    if op is Comparison.NE:
        return "is not" if _always_known(left) else "is known and is not"
    match left.type:
        case FieldType.NUMBER:
            return _NUMBERS[op]
        case FieldType.DATE | FieldType.INSTANT:
            return _DATES[op]
    return _TEXTS[op]


def _always_known(node: Node) -> bool:
    match node:
        case History():
            return node.function in ("count", "spent")
        case Lines():
            return True
        case CustomerField(custom=False):
            return CLIENT_FIELDS[node.name].count
    return isinstance(node, Literal)


def _usual(left: Node, op: Comparison, number: float, clause: ClauseOf) -> Sentence | None:
    """The idiomatic phrase of a comparison with a number; None without one."""
    match left:
        case CustomerField(name="purchases", custom=False):
            return _bought(op, number, "")
        case History(function="count"):
            within = within_words(left.within)
            return _bought(op, number, within) if left.event == PURCHASE else _had(left.event, op, number, within)
        case CustomerField(name="spent", custom=False) | History(function="spent") | Lines():
            return _amount(left, op, number) if op in _BOUND else None
        case CustomerField(name="overdue", custom=False) if op in _BOUND:
            return _CLIENT, f"has stayed away {_BOUND[op]} {number_words(number)} times as long as usual"
        case CustomerField(name="points", custom=False) if op in _BOUND:
            return _CLIENT, f"has {_BOUND[op]} {number_words(number)} points"
        case CustomerField(name="accessories_missing", custom=False) if op in _BOUND:
            things = "accessory" if number == 1 else "accessories"
            return _CLIENT, f"lacks {_BOUND[op]} {_small(number)} {things} of what they bought"
        case DaysSince() if op in _BOUND and number >= 0:
            return _days(left, op, number, clause)
    return None


def _amount(node: CustomerField | History | Lines, op: Comparison, number: float) -> Sentence:
    """How much was spent, on anything or on one thing, or how many of it were bought."""
    bound = f"{_BOUND[op]} {number_words(number)}"
    within = "" if isinstance(node, CustomerField) else within_words(node.within)
    if not isinstance(node, Lines):
        return _CLIENT, f"has spent {bound}{within}"
    if node.function == "spent":
        return _CLIENT, f"has spent {bound} on {quoted(node.what)}{within}"
    return _CLIENT, f"has bought {bound} of {quoted(node.what)}{within}"


def _small(number: float) -> str:
    return {1.0: "one", 2.0: "two", 3.0: "three"}.get(number, number_words(number))


def _times(number: float) -> str:
    return {1.0: "once", 2.0: "twice"}.get(number, f"{number_words(number)} times")


def _how_often(op: Comparison, number: float) -> str | None:
    """`at least twice`; None where the words would be odd, as for "at least 0 times"."""
    if (op, number) in ((Comparison.EQ, 0), (Comparison.LE, 0), (Comparison.LT, 1)):
        return "never"
    if (op, number) in ((Comparison.NE, 0), (Comparison.GT, 0), (Comparison.GE, 1)):
        return "at least once"
    if op is Comparison.EQ:
        return f"exactly {_times(number)}"
    return f"{_BOUND[op]} {_times(number)}" if op in _BOUND else None


def _bought(op: Comparison, number: float, within: str) -> Sentence | None:
    often = _how_often(op, number)
    if often == "never":
        return _CLIENT, f"has bought nothing{within or ' yet'}"
    return None if often is None else (_CLIENT, f"has bought {often}{within}")


def _had(event: str, op: Comparison, number: float, within: str) -> Sentence | None:
    often = _how_often(op, number)
    if often == "never":
        return _CLIENT, f"has had no {event_label(event)}{within}"
    return None if often is None else (_CLIENT, f"has had {event_label(event)} {often}{within}")


def _days(node: DaysSince, op: Comparison, number: float, clause: ClauseOf) -> Sentence:
    """How many days ago something was, or how far ahead it is."""
    days = "1 day" if number == 1 else f"{number_words(number)} days"
    count = f"{_BOUND[op]} {days}"
    if isinstance(node.operand, CustomerField) and not node.until:
        bought = {"last_purchase_at": "last bought", "first_purchase_at": "first bought"}.get(node.operand.name)
        if bought and not node.operand.custom:
            return _CLIENT, f"{bought} {count} ago"
    what = value_phrase(node.operand, clause)
    reached = op is Comparison.GE and number == 0
    if node.until:
        if reached:
            return what, "is today or still to come"
        return what, f"is {count} ahead" + (" or is past" if op in (Comparison.LT, Comparison.LE) else "")
    if reached:
        return what, "has come"
    later = op in (Comparison.LT, Comparison.LE) and not _is_past(node.operand)
    return what, f"was {count} ago" + (" or is still to come" if later else "")


def _is_past(node: Node) -> bool:
    match node:
        case CustomerField(custom=False):
            return node.name in _PAST
        case EventField():
            return node.name == "at"
    return isinstance(node, History)
