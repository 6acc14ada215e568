"""Loads a folder of rule files into a rulebook, with all diagnostics of all files.

Files are read one by one and merged by section; a fault in one campaign hides none in the next.
`draft` has everything that could be read despite errors, so that later checks can add theirs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from regulars.core.diagnostics import Diagnostic, Severity, Span, in_order
from regulars.rules import (
    checks,
    declarations,
    delivery_rules,
    notify_rules,
    policy_holdout,
    rule_test_reader,
    segments,
    send_time_checks,
    sequence_checks,
    webhook_rules,
)
from regulars.rules.delivery_rules import Delivery
from regulars.rules.fields import EVENTS
from regulars.rules.model import Campaign, Company, Policy, Rulebook
from regulars.rules.notify_rules import Notify
from regulars.rules.phrase_types import Part
from regulars.rules.signup import Signup
from regulars.rules.survey import Survey
from regulars.rules.tariff import Points
from regulars.rules.tree import Entries, Entry, Items, Loc, Node, Scalar, data, find, found, spans
from regulars.rules.validation_messages import ValidationMessages, keys_of, reworded
from regulars.rules.webhook_rules import Hook
from regulars.rules.yaml_source import Source, read

SECTIONS = (
    "company",
    "policy",
    "delivery",
    "points",
    "topics",
    "calendars",
    "events",
    "fields",
    "segments",
    "surveys",
    "signup",
    "hooks",
    "notify",
    "campaigns",
    "tests",
)
_KINDS = {
    "topics": "topic", "calendars": "day of the calendar", "events": "event", "fields": "field", "surveys": "survey",
    "segments": "segment",
    "hooks": "hook", "notify": "program to notify", "campaigns": "campaign",
}  # fmt: skip
_SINGLE: dict[str | int, type[Part]] = {
    "company": Company, "policy": Policy, "delivery": Delivery, "points": Points, "signup": Signup,
}  # fmt: skip

_UNREADABLE_COMPANY = Company.model_validate({"name": "?", "from": "nobody@regulars.example", "address": "?"})
"""The placeholder in a draft for a company that could not be read."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading. `rulebook` is None when there are errors; `sources` gives each file's text by its path."""

    rulebook: Rulebook | None
    diagnostics: list[Diagnostic]
    sources: dict[str, str]
    draft: Rulebook | None = None
    root: Entries = field(default_factory=lambda: Entries({}, Span("", 1, 1)))
    unread: bool = False
    """Whether a file is missing because it could not be read."""

    def part(self, loc: Loc, offset: int, length: int = 1) -> Span | None:
        """The place of some characters of the scalar at `loc`."""
        node = find(self.root, loc)
        return node.part(offset, length) if isinstance(node, Scalar) else None


def load(folder: Path, display_root: Path | None = None) -> Loaded:
    """Reads `company.yaml` and every other rule file under `folder`; never raises for their content.

    Paths in diagnostics are relative to `display_root`, by default the folder's parent.
    """
    base = display_root or folder.parent
    sources = [read(path, _display_path(path, base), folder) for path in rule_files(folder)]
    texts = {source.path: source.text for source in sources}
    faults = [fault for source in sources for fault in source.diagnostics]
    if not sources:
        message = f"there is no rule file in {_display_path(folder, base)}"
        return Loaded(None, [Diagnostic("R022", message, hint="`regulars init` makes a first one")], texts)
    merged = _MergedFiles(sources)
    messages = merged.messages
    merged.check_duplicates()
    draft = _read(merged.root, messages, whole=all(source.sound for source in sources))
    unread = {(d.span.path, d.span.line) for d in faults if d.span and d.severity is Severity.ERROR}
    missing = any(source.root is None and not source.sound for source in sources)
    faults += [
        d
        for d in messages.diagnostics
        if (d.span is None or (d.span.path, d.span.line) not in unread) and not (missing and d.code in _REFERENCES)
    ]
    sound = not any(fault.severity is Severity.ERROR for fault in faults)
    return Loaded(draft if sound else None, in_order(faults), texts, draft, merged.root, missing)


_REFERENCES = frozenset({"R014", "R013", "R020", "R023", "R024", "R033", "R072", "R049"})
"""Codes about unknown names: suppressed while an unreadable file may define them."""


def rule_files(folder: Path) -> list[Path]:
    """The rule files under a folder: company.yaml first, then by path; hidden ones are left out."""
    found_files = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found_files += [
            Path(where) / name for name in files if name.endswith((".yaml", ".yml")) and not name.startswith(".")
        ]
    return sorted(found_files, key=lambda path: (path != folder / "company.yaml", path.as_posix()))


def _display_path(path: Path, base: Path) -> str:
    try:
        shown = (path.parent.resolve() / path.name).relative_to(base.resolve())
    except (ValueError, OSError, RuntimeError):
        shown = path
    return shown.as_posix().encode(errors="replace").decode()  # a name need not be UTF-8; a diagnostic is


class _MergedFiles:
    """The files' sections as one tree, so that every value has one location."""

    def __init__(self, sources: list[Source]) -> None:
        first = Span(sources[0].path, 1, 1)
        self.root = Entries({}, first)
        self.messages = ValidationMessages(self.root)
        self.duplicates: list[tuple[Entries, Loc]] = []
        for source in sources:
            for name, entry in source.root.entries.items() if source.root else ():
                self._section(name, entry)

    def _section(self, name: str, entry: Entry) -> None:
        if name not in SECTIONS:
            self._unknown(name, entry)
        elif not (isinstance(entry.value, Scalar) and entry.value.null):
            have = self.root.entries.get(name)
            if have is None:
                self.root.entries[name] = Entry(entry.key, _copy(entry.value))
            elif name in _KINDS and isinstance(have.value, Entries) and isinstance(entry.value, Entries):
                self._merge(name, have.value, entry.value)
            elif name == "tests" and isinstance(have.value, Items) and isinstance(entry.value, Items):
                both = Items(have.value.items + entry.value.items, have.value.span)
                self.root.entries[name] = Entry(have.key, both)
            else:
                self._add_duplicate(name, have, entry)

    def _unknown(self, name: str, entry: Entry) -> None:
        alone = ValidationMessages(Entries({name: entry}, entry.key))
        alone.unknown_key((name,), SECTIONS)
        self.messages.diagnostics += alone.diagnostics

    def _add_duplicate(self, name: str, have: Entry, entry: Entry) -> None:
        if name in _SINGLE:
            message = f"`{name}` is written a second time; the first is at {_at(have.key)}"
            self.messages.diagnostics.append(Diagnostic("R012", message, entry.key, hint="keep one of them"))
            self.duplicates.append((Entries({name: entry}, entry.key), (name,)))
            return
        wanted = "a list" if name == "tests" else "keys with values"
        for side in (have, entry):
            if isinstance(side.value, Items) != (name == "tests") or isinstance(side.value, Scalar):
                message = f"`{name}` is {found(side.value)}"
                self.messages.diagnostics.append(Diagnostic("R003", message, side.key, expected=wanted))

    def _merge(self, section: str, into: Entries, more: Entries) -> None:
        for name, entry in more.entries.items():
            have = into.entries.get(name)
            if have is None:
                into.entries[name] = entry
                continue
            message = f"the {_KINDS[section]} `{name}` is defined a second time; the first is at {_at(have.key)}"
            fault = Diagnostic("R011", message, entry.key, hint="rename or remove one of them")
            self.messages.diagnostics.append(fault)
            if section == "campaigns":
                inner = Entries({name: entry}, entry.key)
                self.duplicates.append((Entries({section: Entry(entry.key, inner)}, entry.key), (section, name)))

    def check_duplicates(self) -> None:
        """Checks definitions that are left out because their name is a duplicate."""
        for tree, loc in self.duplicates:
            own = ValidationMessages(tree)
            models: dict[str | int, type[Part]] = {**_SINGLE, "campaigns": Campaign}
            _model(models[loc[0]], tree, loc, own, {"name": str(loc[1])} if len(loc) > 1 else None)
            self.messages.diagnostics += own.diagnostics


def _copy(node: Node) -> Node:
    return Entries(dict(node.entries), node.span) if isinstance(node, Entries) else node


def _at(span: Span) -> str:
    return f"{span.path}:{span.line}:{span.column}"


def _read(root: Entries, messages: ValidationMessages, *, whole: bool) -> Rulebook:
    """The rulebook of a tree, as far as it can be read: faulty campaigns and tests are left out."""
    company = _company(root, messages, whole=whole)
    policy = _model(Policy, root, ("policy",), messages) if "policy" in root.entries else Policy()
    delivery = _model(Delivery, root, ("delivery",), messages) if "delivery" in root.entries else Delivery()
    points = _model(Points, root, ("points",), messages) if "points" in root.entries else Points()
    signup = _model(Signup, root, ("signup",), messages) if "signup" in root.entries else None
    fields = declarations.fields(root, messages)
    events = declarations.events(root, messages)
    campaigns = dict(_named(Campaign, "campaigns", _CAMPAIGNS, root, messages))
    surveys = dict(_named(Survey, "surveys", _SURVEYS, root, messages))
    hooks = dict(_named(Hook, "hooks", _HOOKS, root, messages))
    notify = dict(_named(Notify, "notify", _NOTIFY, root, messages))
    topics = declarations.topics(root, messages)
    calendars = declarations.calendars(root, messages)
    named_conditions = segments.read(root, messages)
    tests = tuple(test for _, test in rule_test_reader.read(root, messages, events, fields))
    rule_checks = checks.RuleChecks(root, messages, events, fields, campaigns)
    rule_checks.check(company, policy)
    sequence_checks.check(messages, root, rule_checks.events)
    checks.surveys_exist(root, messages, campaigns)
    checks.topics_exist(root, messages, campaigns)
    checks.calendars_exist(root, messages, campaigns)
    checks.levels_differ(root, messages)
    known = {**EVENTS, **events}
    delivery_rules.check(root, messages)
    policy_holdout.check(root, messages, policy.holdout if policy else None, known)
    send_time_checks.check(messages, policy, campaigns)
    webhook_rules.check(root, messages, known, fields)
    section = find(root, ("campaigns",))
    notify_rules.check(root, messages, section.entries if isinstance(section, Entries) else ())
    places = dict(spans(root))
    return Rulebook(
        company or _UNREADABLE_COMPANY, policy or Policy(), campaigns, known, fields, tests, places, surveys,
        calendars, topics, hooks, points or Points(), signup, named_conditions,
        notify, delivery or Delivery(),
    )  # fmt: skip


def _company(root: Entries, messages: ValidationMessages, *, whole: bool) -> Company | None:
    if "company" in root.entries:
        return _model(Company, root, ("company",), messages)
    if whole:  # otherwise the unreadable file may contain it
        messages.diagnostics.append(
            Diagnostic(
                "R022",
                "no file says `company:`, who sends",
                Span(root.span.path, 1, 1),
                expected="`company:` with `name`, `from` and `address`",
            )
        )
    return None


def _named(
    model: type[Model], section: str, expected: str, root: Entries, messages: ValidationMessages
) -> Iterator[tuple[str, Model]]:
    """The valid entries of a section whose keys are names."""
    node = find(root, (section,))
    if node is None:
        return
    if not isinstance(node, Entries):
        messages.add("R003", f"`{section}` is {found(node)}", (section,), key=True, expected=expected)
        return
    for name in node.entries:
        loc = (section, name)
        sound = bool(NAME.fullmatch(name))
        if not sound:
            better = reworded(name)
            messages.add(
                "R006",
                f"`{name}` cannot be the name of a {_KINDS[section]}",
                loc,
                key=True,
                expected="small letters, digits and hyphens, beginning with a letter, such as `win-back`",
                hint=f"write `{better}`" if better else None,
            )
        made = _model(model, root, loc, messages, {"name": name})
        if made is not None and sound:
            yield name, made


NAME = re.compile(r"[a-z][a-z0-9-]*")
_CAMPAIGNS = "a name for each campaign, with its keys indented under it"
_SURVEYS = "a name for each survey, with its title and questions indented under it"
_NOTIFY = "a name for each program that is told, with its url indented under it"
_HOOKS = "a name for each hook, with what it takes indented under it"


def _model(
    model: type[Model], root: Entries, loc: Loc, messages: ValidationMessages, more: Mapping[str, str] | None = None
) -> Model | None:
    node = find(root, loc)
    if not isinstance(node, Entries):
        messages.add(
            "R003",
            f"`{loc[-1]}` is {found(node)}",
            loc,
            expected="keys with values, indented under this one",
        )
        return None
    if more and "name" in node.entries:
        messages.unknown_key((*loc, "name"), keys_of(model, ()))
    try:
        return model.model_validate({**data(node), **(more or {})}, by_alias=True, by_name=False)
    except ValidationError as error:
        messages.of(error, loc, model)
        return None
