"""A condition as a clause of plain English, made from its nodes: "the client has bought at least once and …".

Every kind of node has words, so that no expression of the rule file is ever shown instead of a sentence. Unknown counts
as no, which is stated where it is not obvious: "is known and is not “EE”".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import assert_never, cast

from regulars.audience.comparison_phrases import comparison
from regulars.audience.field_labels import event_label, named, quoted, within_words
from regulars.audience.nodes import (
    PURCHASE,
    AllOf,
    AnyNode,
    AnyOf,
    Arithmetic,
    Bought,
    Choose,
    Compare,
    Comparison,
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
from regulars.audience.value_phrases import items_phrase, upcoming_label, value_phrase
from regulars.rules.fields import FieldType

CLIENT = "the client"
_NOT_KNOWN, _KNOWN = "is not known", "is known and "
_TESTS = {
    "contains": ("contains", "does not contain"),
    "starts_with": ("begins with", "does not begin with"),
    "ends_with": ("ends with", "does not end with"),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """A subject and a predicate; consecutive clauses of one subject name it once."""

    subject: str
    predicate: str

    @property
    def text(self) -> str:
        return f"{self.subject} {self.predicate}".strip()


@dataclass(frozen=True, slots=True)
class Group:
    """Clauses and groups of which all (`and`) or any (`or`) must hold."""

    joint: OneOf["and", "or"]
    parts: tuple[Clause | Group, ...]


def condition_phrase(node: Node) -> str:
    """The condition as a clause, to follow "if"."""
    phrase = _say(node, yes=True)
    return phrase.text if isinstance(phrase, Clause) else _joined(phrase)


def with_a_client(phrase: str) -> str:
    """The same where the client is named for the first time: "a client has bought"."""
    return phrase.replace(CLIENT, "a client", 1)


# -------------------------------------------------------------------- putting clauses together


def _joined(group: Group) -> str:
    texts = list(_texts(group))
    comma = "," if len(texts) > 2 or any(isinstance(part, Group) for part in group.parts) else ""
    return f"{', '.join(texts[:-1])}{comma} {group.joint} {texts[-1]}"


def _texts(group: Group) -> Iterator[str]:
    """The parts in words. A nested group is in brackets, unless it is simple and short or last."""
    before: Clause | Group | None = None
    for place, part in enumerate(group.parts):
        if isinstance(part, Clause):
            same = isinstance(before, Clause) and before.subject == part.subject
            yield part.predicate if same else part.text
        elif _is_plain(part, last=place == len(group.parts) - 1):
            lead = "either" if part.joint == "or" else "both" if len(part.parts) == 2 else "all of these:"
            yield f"{lead} {_joined(part)}"
        else:
            yield f"({_joined(part)})"
        before = part


def _is_plain(group: Group, *, last: bool) -> bool:
    return all(isinstance(each, Clause) for each in group.parts) and (last or len(group.parts) == 2)


def _group(joint: OneOf["and", "or"], nodes: Sequence[Node], *, yes: bool) -> Clause | Group:
    """Joined parts; the negation of a group negates each part and exchanges `and` and `or`."""
    joint = joint if yes else ("or" if joint == "and" else "and")
    parts: list[Clause | Group] = []
    for node in nodes:
        phrase = _say(node, yes=yes)
        for part in phrase.parts if isinstance(phrase, Group) and phrase.joint == joint else (phrase,):
            _add(parts, part, joint)
    return parts[0] if len(parts) == 1 else Group(joint, tuple(parts))


def _add(parts: list[Clause | Group], part: Clause | Group, joint: str) -> None:
    """Adds a part; "is not known, or is known and is not x" is what people call "is not x"."""
    before = parts[-1] if parts else None
    if (
        joint == "or"
        and isinstance(part, Clause)
        and part.predicate.startswith(_KNOWN)
        and before == Clause(part.subject, _NOT_KNOWN)
    ):
        parts[-1] = Clause(part.subject, part.predicate.removeprefix(_KNOWN))
    else:
        parts.append(part)


# -------------------------------------------------------------------- the nodes


def _say(node: Node, *, yes: bool) -> Clause | Group:
    """The phrase of a yes-or-no node; negated with `yes` false."""
    any_node = cast(AnyNode, node)
    match any_node:
        case Not() | AllOf() | AnyOf() | Choose():
            return _logic(any_node, yes=yes)
        case Compare() | Member() | Holds() | TextTest() | IsNone():
            return _test(any_node, yes=yes)
        case Bought() | History():
            return _history_clause(any_node, yes=yes)
        case Upcoming():
            return Clause(CLIENT, f"has {'a' if yes else 'no'} {upcoming_label(any_node)} still to come")
        case InSegment() | LeftSegment():
            return _segment(any_node, yes=yes)
        case Literal():
            return _constant(value=any_node.value is True, unknown=any_node.value is None, yes=yes)
        case CustomerField() | EventField() | ProductField():
            return Clause(value_phrase(any_node, condition_phrase), f"is {'yes' if yes else 'no'}")
        case Now() | Today() | Arithmetic() | Negate() | DaysSince() | Lines() | LocalDay():
            raise TypeError(f"no condition is {any_node.type}")  # the type check of conditions lets none through
        case _:
            assert_never(any_node)


def _logic(node: Not | AllOf | AnyOf | Choose, *, yes: bool) -> Clause | Group:
    match node:
        case Not():
            return _say(node.operand, yes=not yes)
        case AllOf():
            return _group("and", node.operands, yes=yes)
        case AnyOf():
            return _group("or", node.operands, yes=yes)
        case Choose():  # an unknown condition counts as no
            one, other = (_whole(_say(part, yes=yes)) for part in (node.yes, node.no))
            return Clause("", f"(where {condition_phrase(node.condition)}: {one}; else: {other})")
        case _:
            assert_never(node)


def _constant(*, value: bool, unknown: bool, yes: bool) -> Clause:
    always = not unknown and value is yes
    return Clause("it", "is always so" if always else "is never so")


def _compare(node: Compare, *, yes: bool) -> Clause:
    if node.left.type is FieldType.BOOL:
        equal = (node.op is Comparison.EQ) is yes
        sides = f"{condition_phrase(node.left)}; {condition_phrase(node.right)}"
        return Clause("", f"({'both or neither' if equal else 'just one'} of these: {sides})")
    subject, predicate = comparison(node, condition_phrase, yes=yes)
    return Clause(subject, predicate)


def _test(node: Compare | Member | Holds | TextTest | IsNone, *, yes: bool) -> Clause:
    match node:
        case Compare():
            return _compare(node, yes=yes)
        case Member():
            return _member(node, yes=yes)
        case Holds():
            subject, what = value_phrase(node.field, condition_phrase), value_phrase(node.operand, condition_phrase)
            return Clause(subject, f"has {what} in it" if yes else f"does not have {what} in it")
        case TextTest():
            words = _TESTS[node.function][0 if yes else 1]
            part = value_phrase(node.part, condition_phrase)
            return Clause(value_phrase(node.whole, condition_phrase), f"{words} {part}")
        case IsNone():
            return _unknown(node.operand, yes=yes)
        case _:
            assert_never(node)


def _member(node: Member, *, yes: bool) -> Clause:
    if not node.items:
        return _constant(value=False, unknown=False, yes=yes)
    subject, items = value_phrase(node.operand, condition_phrase), items_phrase(node.items)
    if len(node.items) == 1:
        return Clause(subject, f"is {items}" if yes else f"{_KNOWN}is not {items}")
    return Clause(subject, f"is one of {items}" if yes else f"{_KNOWN}is none of {items}")


def _unknown(operand: Node, *, yes: bool) -> Clause:
    match operand:
        case History(function="first" | "last"):
            had = f"had {event_label(operand.event)}{within_words(operand.within)}"
            return Clause(CLIENT, f"has never {had}" if yes else f"has {had}")
        case Upcoming():
            return Clause(CLIENT, f"has {'no' if yes else 'a'} {upcoming_label(operand)} still to come")
        case CustomerField(name="first_purchase_at" | "last_purchase_at", custom=False):
            return Clause(CLIENT, "has bought nothing yet" if yes else "has bought at least once")
        case CustomerField(name="next_product", custom=False):
            return Clause(CLIENT, f"has {'no' if yes else 'a'} next product")
    return Clause(value_phrase(operand, condition_phrase), _NOT_KNOWN if yes else "is known")


def _segment(node: InSegment | LeftSegment, *, yes: bool) -> Clause:
    """The segment by its name, with its own condition in brackets."""
    what = f"the segment {quoted(named(node.name))} ({condition_phrase(node.body)})"
    if isinstance(node, LeftSegment):
        return Clause(CLIENT, f"{'has' if yes else 'has not'} left {what}")
    return Clause(CLIENT, f"is {'' if yes else 'not '}in {what}")


def _whole(phrase: Clause | Group) -> str:
    return phrase.text if isinstance(phrase, Clause) else _joined(phrase)


def _history_clause(node: Bought | History, *, yes: bool) -> Clause:
    within = within_words(node.within)
    if isinstance(node, Bought):
        return Clause(CLIENT, f"has {'' if yes else 'not '}bought {quoted(node.what)}{within}")
    if node.event == PURCHASE:
        return Clause(CLIENT, f"has bought {'something' if yes else 'nothing'}{within}")
    return Clause(CLIENT, f"has had {'' if yes else 'no '}{event_label(node.event)}{within}")
