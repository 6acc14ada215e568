"""The section `tests`: reads each test and checks its values against the known fields and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from regulars.core.calendar import SENTINELS
from regulars.core.diagnostics import did_you_mean
from regulars.rules import grammar
from regulars.rules.fields import DERIVED, EVENTS, LEARNED, RECORDED, FieldType
from regulars.rules.rule_test import MIDDAY, RuleTest
from regulars.rules.tree import Entries, Items, Loc, Node, Scalar, data, find, found
from regulars.rules.validation_messages import ValidationMessages

Types = Mapping[str, FieldType]
_EXPECTED = {
    FieldType.TEXT: "text",
    FieldType.NUMBER: "a number",
    FieldType.BOOL: "`true` or `false`",
    FieldType.DATE: "a date such as `1990-05-17`",
    FieldType.INSTANT: "a date such as `2026-06-10`, with or without a time such as `15:00`",
    FieldType.LIST: "a list",
}
_BOOLS = {"true": True, "yes": True, "false": False, "no": False}


def read(
    root: Node, messages: ValidationMessages, events: Mapping[str, Types], fields: Types
) -> Iterator[tuple[int, RuleTest]]:
    """Every valid test with its position."""
    section = find(root, ("tests",))
    if section is None:
        return
    if not isinstance(section, Items):
        expected = "a list: each test begins with `- name: …`"
        messages.add("R003", f"`tests` is {found(section)}", ("tests",), key=True, expected=expected)
        return
    seen: set[str] = set()
    for index, node in enumerate(section.items):
        loc: Loc = ("tests", index)
        if not isinstance(node, Entries):
            expected = "`name`, `customer`, `on` and `expect`"
            messages.add("R003", f"test {index + 1} is {found(node)}", loc, expected=expected)
            continue
        name = find(node, ("name",))
        if isinstance(name, Scalar) and name.text in seen:
            messages.add("R011", f"another test is named `{name.text}` too", (*loc, "name"))
        elif isinstance(name, Scalar):
            seen.add(name.text)
        test = _Reader(root, messages, {**EVENTS, **events}, fields).read(loc, node)
        if test is not None:
            yield index, test


class _Reader:
    def __init__(self, root: Node, messages: ValidationMessages, events: Mapping[str, Types], fields: Types) -> None:
        self.root = root
        self.messages = messages
        self.events = events
        self.client: Types = {**RECORDED, **LEARNED, **fields}

    def read(self, loc: Loc, node: Entries) -> RuleTest | None:
        raw: dict[str, Any] = data(node)
        customer = find(node, ("customer",))
        if isinstance(customer, Entries):
            known = {**self.client, "purchases": FieldType.LIST}
            fields = self._values((*loc, "customer"), customer, known, "a field of clients")
            raw["customer"] = fields | {k: v for k, v in raw["customer"].items() if k == "purchases"}
        events = find(node, ("events",))
        for index, event in enumerate(events.items if isinstance(events, Items) else ()):
            self._event((*loc, "events", index), event, raw["events"][index])
        if "purchases" in raw:  # a key of the model, but not one that authors write here
            self.messages.unknown_key((*loc, "purchases"), [k for k in RuleTest.model_fields if k != "purchases"])
        self._expected(loc)
        try:
            return RuleTest.model_validate(raw, by_alias=True, by_name=False)
        except ValidationError as error:
            self.messages.of(error, loc, RuleTest)
            return None

    def _event(self, loc: Loc, node: Node, raw: Any) -> None:
        name, values = find(node, ("name",)), find(node, ("data",))
        if not isinstance(name, Scalar) or not isinstance(raw, dict):
            return
        if name.text == "purchase":
            message = "a purchase is not written among the events of a test"
            hint = "write it under `customer`, as one of its `purchases`"
            self.messages.add("R021", message, (*loc, "name"), hint=hint)
        elif name.text not in self.events:
            undeclared_event(self.messages, (*loc, "name"), name.text, self.events)
        elif isinstance(values, Entries):
            raw["data"] = self._values((*loc, "data"), values, self.events[name.text], f"a field of `{name.text}`")

    def _values(self, loc: Loc, node: Entries, known: Types, what: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, entry in node.entries.items():
            here = (*loc, key)
            if key in known:
                if key != "purchases" or loc[-1] != "customer":
                    values[key] = self._value(here, entry.value, known[key])
            elif key in DERIVED and loc[-1] == "customer":
                computed = "give the client `purchases` from which it follows"
                self.messages.add("R021", f"`{key}` is computed, never given", here, key=True, hint=computed)
            else:
                expected = "one of " + ", ".join(f"`{name}`" for name in sorted(known)) if known else "no fields"
                hint = did_you_mean(key, known)
                self.messages.add("R014", f"`{key}` is not {what}", here, key=True, expected=expected, hint=hint)
        return values

    def _value(self, loc: Loc, node: Node, kind: FieldType) -> Any:
        if isinstance(node, Scalar) and node.null:
            return None
        try:
            return _read(node, kind)
        except ValueError as error:
            message = str(error) or f"`{loc[-1]}` is {found(node)}"
            self.messages.add("R021", message, loc, expected=_EXPECTED[kind])
            return None

    def _expected(self, loc: Loc) -> None:
        """Whether the campaigns and steps that a test names exist."""
        expect = find(self.root, (*loc, "expect"))
        campaigns = find(self.root, ("campaigns",))
        names = campaigns.entries if isinstance(campaigns, Entries) else {}
        for name in expect.entries if isinstance(expect, Entries) else ():
            here: Loc = (*loc, "expect", name)
            if name not in names:
                hint = did_you_mean(name, names)
                self.messages.add("R020", f"there is no campaign `{name}`", here, key=True, hint=hint)
                continue
            self._others(here, names)
            step = find(self.root, (*here, "step"))
            steps = list(step_keys(names[name].value))
            if isinstance(step, Scalar) and step.text not in steps:
                expected = "one of " + ", ".join(f"`{key}`" for key in steps)
                message = f"`{name}` has no step `{step.text}`"
                hint = did_you_mean(step.text, steps)
                self.messages.add("R020", message, (*here, "step"), expected=expected, hint=hint)
            variant, variants = find(self.root, (*here, "variant")), variant_names(names[name].value)
            if isinstance(variant, Scalar) and not variant.null and variant.text not in variants:
                known = "one of " + ", ".join(f"`{each}`" for each in variants) if variants else None
                message, hint = f"`{name}` has no variant `{variant.text}`", did_you_mean(variant.text, variants)
                self.messages.add("R020", message, (*here, "variant"), expected=known, hint=hint)

    def _others(self, loc: Loc, names: Mapping[str, Any]) -> None:
        """Whether the campaigns compared in `outranks` exist."""
        outranks = find(self.root, (*loc, "outranks"))
        several = range(len(outranks.items)) if isinstance(outranks, Items) else ()
        for here in ((*loc, "winner"), (*loc, "outranks"), *((*loc, "outranks", index) for index in several)):
            node = find(self.root, here)
            if isinstance(node, Scalar) and not node.null and node.text not in names:
                hint = did_you_mean(node.text, names)
                self.messages.add("R020", f"there is no campaign `{node.text}`", here, hint=hint)


def step_keys(campaign: Node) -> Iterator[str]:
    """The permanent names of a campaign's steps, as far as they are written."""
    waves = find(campaign, ("waves",))
    steps = [step for _, step in campaign_steps(campaign, ())]
    if isinstance(waves, Items):
        steps += waves.items
    elif not isinstance(find(campaign, ("steps",)), Items):
        yield from _written_key(campaign)
    for step in steps:
        if find(step, ("email",)):
            yield from _written_key(step)


def campaign_steps(campaign: Node, loc: Loc) -> Iterator[tuple[Loc, Node]]:
    """Every step of the campaign at `loc`, also in the lists inside its own and in those of its variants."""
    yield from nested_steps(find(campaign, ("steps",)), (*loc, "steps"))
    variants = find(campaign, ("variants",))
    for place in range(len(variants.items) if isinstance(variants, Items) else 0):
        inner: Loc = ("variants", place, "steps")
        yield from nested_steps(find(campaign, inner), (*loc, *inner))


def _written_key(step: Node) -> Iterator[str]:
    own = find(step, ("id",)) or find(step, ("email",))
    if isinstance(own, Scalar) and not own.null:
        yield own.text


def nested_steps(steps: Node | None, loc: Loc) -> Iterator[tuple[Loc, Node]]:
    """Every item of a list of steps and of the lists inside it, with its place; `loc` is that of the list."""
    for place, step in enumerate(steps.items if isinstance(steps, Items) else ()):
        here: Loc = (*loc, place)
        yield here, step
        for part in ("then", "else"):
            yield from nested_steps(find(step, (part,)), (*here, part))
        branches = find(step, ("choose",))
        for branch in range(len(branches.items) if isinstance(branches, Items) else 0):
            inner: Loc = ("choose", branch, "steps")
            yield from nested_steps(find(step, inner), (*here, *inner))


def variant_names(campaign: Node) -> list[str]:
    """The names of a campaign's variants, as far as they are written."""
    section = find(campaign, ("variants",))
    names = [find(one, ("name",)) for one in section.items] if isinstance(section, Items) else []
    return [name.text for name in names if isinstance(name, Scalar) and not name.null]


def undeclared_event(messages: ValidationMessages, loc: Loc, name: str, events: Mapping[str, Any], at: int = 0) -> None:
    """Reports an undeclared event; `at` is the offset of its name in the value."""
    node = find(messages.root, loc)
    more: dict[str, Any] = {
        "expected": "a declared event: " + ", ".join(f"`{each}`" for each in sorted(events)),
        "hint": did_you_mean(name, events) or f"declare it: `events: {{{name}: {{}}}}`",
    }
    message = f"there is no event `{name}`"
    messages.add("R013", message, loc, part=node.part(at, len(name)) if isinstance(node, Scalar) else None, **more)


def _read(node: Node, kind: FieldType) -> Any:
    """The value of a node of this type; ValueError, with or without words, if it is of another."""
    if kind is FieldType.LIST and isinstance(node, Items):
        return data(node, typed=True)
    if kind is FieldType.LIST or not isinstance(node, Scalar):
        raise ValueError
    if kind is FieldType.TEXT:
        return node.text
    if kind is FieldType.BOOL:
        if node.text.lower() not in _BOOLS:
            raise ValueError
        return _BOOLS[node.text.lower()]
    if kind is FieldType.NUMBER:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise ValueError
        return node.value
    text = grammar.stamp(node.text)
    if grammar.local_time(text, MIDDAY).date() in SENTINELS:
        raise ValueError(f"`{node.text}` is what systems write for an unknown date; leave it out")
    if kind is FieldType.DATE and len(text) > len("2026-01-31"):
        raise ValueError
    return text
