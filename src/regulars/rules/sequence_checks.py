"""Checks of the steps of a sequence: names, waits for events, branches, and campaigns that start each other.

They read the tree, so that they also report on a campaign with another fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from regulars.core.diagnostics import did_you_mean
from regulars.rules.awaited import Awaited
from regulars.rules.fields import FieldType
from regulars.rules.rule_test_reader import campaign_steps, undeclared_event
from regulars.rules.tree import Entries, Items, Loc, Node, Scalar, child, find
from regulars.rules.validation_messages import ValidationMessages

_SAME_NAME = "give each step an `id` of its own: the ledger keeps promises and decisions under it"
_KINDS = ("email", "wait_for", "choose", "start")


def check(messages: ValidationMessages, root: Node, events: Mapping[str, Mapping[str, FieldType]]) -> None:
    """All checks of all campaigns with `steps`."""
    section = child(root, "campaigns")
    if not isinstance(section, Entries):
        return
    for name, entry in section.entries.items():
        steps = list(campaign_steps(entry.value, ("campaigns", name)))
        if steps:
            _SequenceChecks(messages, section, name, entry.value, events).check(steps)
    _starts(messages, section)


class _SequenceChecks:
    """The checks of one campaign."""

    def __init__(
        self, messages: ValidationMessages, section: Entries, name: str, campaign: Node,
        events: Mapping[str, Mapping[str, FieldType]],
    ) -> None:  # fmt: skip
        self.add, self.messages, self.name, self.events = messages.add, messages, name, events
        self.on, self.email = _text(campaign, "on"), _text(campaign, "email")

    def check(self, steps: list[tuple[Loc, Node]]) -> None:
        """Runs them all over the steps and those inside their branches."""
        self._names(steps)
        emails = 0
        by_variant = any(loc[2] == "variants" for loc, _ in steps)
        for loc, step in steps:
            emails += child(step, "email") is not None
            self._awaited(loc, step)
            self._branches(loc, step)
            if (len(loc) > 4 or by_variant) and child(step, "at") is not None:
                message = "`at` counts from the event of the campaign, so it cannot depend on a decision"
                hint = "write the step in the campaign's own list, with an `if`; or use `wait`"
                self.add("R073", message, (*loc, "at"), key=True, hint=hint)
        if steps and not emails:
            self.add("R071", "no step of this sequence sends an email", steps[0][0][:-1], key=True)
        self._ends(steps)

    def _names(self, steps: list[tuple[Loc, Node]]) -> None:
        known = {_key(step) for _, step in steps}
        seen = {self.email} if self.email else set()
        for loc, step in steps:
            key = _key(step)
            if key is not None and key in seen:
                place: Loc = (*loc, "id" if child(step, "id") else _kind(step) or "email")
                self.add("R009", f"two steps are named `{key}`", place, hint=_SAME_NAME)
            seen |= {key} if key else set()
            was = _text(step, "was")
            if was is not None and was in known:
                hint = "`was` names what it was called before; remove it"
                self.add("R015", f"a step of this campaign is still named `{was}`", (*loc, "was"), hint=hint)

    def _awaited(self, loc: Loc, step: Node) -> None:
        node = child(step, "wait_for")
        if not isinstance(node, Scalar) or node.null:
            return
        place: Loc = (*loc, "wait_for")
        with suppress(ValueError):  # reported by the model
            awaited = Awaited.parse(node.text)
            if awaited.event not in self.events:
                undeclared_event(self.messages, place, awaited.event, self.events, node.text.find(awaited.event))
            elif awaited.same and self.on is None:
                message = "only where an event sets the campaign off is there something to be the same as"
                self.add("R031", message, place, hint="add `on:`, or leave out `with same`")
            elif self.on in self.events:
                self._same(place, node, awaited)

    def _same(self, place: Loc, node: Scalar, awaited: Awaited) -> None:
        """Both events have the fields, of one type."""
        for name in awaited.same:
            at = node.text.find(name, node.text.find("same"))
            kinds = set()
            for event in dict.fromkeys((self.on or "", awaited.event)):
                known = self.events[event]
                kinds.add(str(known.get(name)))
                if name not in known:
                    hint = did_you_mean(name, known) or f"declare it under `events`: `{event}: {{{name}: text}}`"
                    self.add(
                        "R031", f"`{event}` has no field `{name}`", place, part=node.part(at, len(name)), hint=hint
                    )
                    break
            else:
                if len(kinds) > 1:
                    message = f"`{name}` is of another type in `{self.on}` than in `{awaited.event}`"
                    self.add("R031", message, place, part=node.part(at, len(name)))

    def _branches(self, loc: Loc, step: Node) -> None:
        if child(step, "choose") is None:
            return
        branches = child(step, "choose")
        found = branches.items if isinstance(branches, Items) else ()
        if not found:
            expected = "a list of branches: `- {if: CONDITION, steps: [{email: NAME}]}`"
            self.add("R071", "`choose` has no branches", (*loc, "choose"), key=True, expected=expected)
        names: dict[str, int] = {}
        for place, branch in enumerate(found):
            here: Loc = (*loc, "choose", place)
            if place < len(found) - 1 and _text(branch, "if") is None:
                message = "a branch without `if` takes everybody, so nobody is left for those after it"
                hint = "say in `if` who takes it; only the last branch may go without"
                self.add("R070", message, here, hint=hint)
            name = _text(branch, "id") or _first_key(branch)
            if name in names:
                hint = "give each branch an `id`: the decision is stored under it"
                self.add("R009", f"two branches are named `{name}`", here, hint=hint)
            names.setdefault(name, place)

    def _ends(self, steps: list[tuple[Loc, Node]]) -> None:
        """Steps after an `exit` of their own list."""
        ended: set[Loc] = set()
        for loc, step in steps:
            if loc[:-1] in ended:
                self.add("R070", "this step comes after `exit`, so nobody reaches it", loc, hint="remove it, or `exit`")
                ended.discard(loc[:-1])
            if (isinstance(step, Scalar) and step.text == "exit") or child(step, "exit") is not None:
                ended.add(loc[:-1])


def _starts(messages: ValidationMessages, section: Entries) -> None:
    """Campaigns that start each other: unknown ones, those that need an event, and cycles."""
    starts: dict[str, list[tuple[Loc, str]]] = {}
    for name, entry in section.entries.items():
        for loc, step in campaign_steps(entry.value, ("campaigns", name)):
            target = _text(step, "start")
            if target is not None:
                starts.setdefault(name, []).append(((*loc, "start"), target))
    for name, found in starts.items():
        on = _text(section.entries[name].value, "on")
        for loc, target in found:
            entered = section.entries.get(target)
            way = _way_back(target, name, starts)
            if entered is None:
                hint = did_you_mean(target, [each for each in section.entries if each != name])
                messages.add("R072", f"there is no campaign `{target}`", loc, hint=hint)
            elif way:
                round_trip = " → ".join(f"`{each}`" for each in (name, *way))
                message = "a campaign cannot start itself" if target == name else f"a circle: {round_trip}"
                messages.add("R072", message, loc, hint="remove one of these `start`")
            elif _needs_subject(entered.value, on):
                message = f"`{target}` is about an event or a product, and nobody who is started has one"
                hint = "only campaigns without `on` and `new`, or with the same `on`, can be started"
                messages.add("R072", message, loc, hint=hint)


def _needs_subject(campaign: Node, on: str | None) -> bool:
    own = _text(campaign, "on")
    timed = any(child(step, "at") for _, step in campaign_steps(campaign, ()))
    return child(campaign, "new") is not None or timed or (own is not None and own != on)


def _way_back(start: str, end: str, starts: Mapping[str, list[tuple[Loc, str]]]) -> tuple[str, ...]:
    """The shortest way from one campaign to another by `start`; empty if there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        for way in ways:
            if way[-1] == end:
                return way
        fresh = [(*way, target) for way in ways for _, target in starts.get(way[-1], ()) if target not in seen]
        seen |= {way[-1] for way in fresh}
        ways = fresh
    return ()


def _kind(step: Node) -> str | None:
    return next((kind for kind in _KINDS if child(step, kind) is not None), None)


def _key(step: Node) -> str | None:
    """The permanent name of a step as it is written."""
    own, start = _text(step, "id") or _text(step, "email"), _text(step, "start")
    return own or (f"start-{start}" if start else None)


def _first_key(branch: Node) -> str:
    steps = find(branch, ("steps",))
    keys: Iterator[Any] = (_key(step) for step in (steps.items if isinstance(steps, Items) else ()))
    return next((key for key in keys if key), "exit")


def _text(node: Node, key: str) -> str | None:
    found = child(node, key)
    return found.text if isinstance(found, Scalar) and not found.null else None
