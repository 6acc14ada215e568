"""Rules with one thing changed: whether the rule tests notice.

Each number, clock, date, comparison, boolean operator, event name, kind and side (`from`, `to`) of a campaign is
changed in turn, in the parsed file and the parsed conditions, and those tests are run that name the campaign. A change
that no test notices has survived: either a test is missing, or the thing does not matter.

What rule tests cannot see is not changed: the topic, copies, and which of the surveys a link leads to.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine

from regulars.audience import nodes
from regulars.audience.expression import parse
from regulars.audience.problems import ExpressionErrors
from regulars.audience.vocabulary import Catalogue
from regulars.context.statement_cache import StatementCache
from regulars.core.errors import RegularsError
from regulars.rules.model import Campaign, Expectation, Loc, RuleTest
from regulars.rules.tree import Entries, Node, Scalar, data, find
from regulars.rules.yaml_source import read
from regulars.simulation.rule_tests import run_trial
from regulars.workspace.conditions import read as read_condition
from regulars.workspace.conditions import written
from regulars.workspace.folder import Workspace
from tests.common.scratch import in_memory

CONDITIONS = ("when", "audience", "if")
NAMES = ("about", "email", "id", "topic", "survey", "was", "prefix", "attach", "cc", "enabled")
"""Keys whose values are words, not numbers or events."""
_OTHER_WORD = {
    "marketing": "transactional", "transactional": "marketing", "company": "manager", "customer": "manager",
    "customer.level": "customer.next_level",
}  # fmt: skip
_OTHER_SIDE = {"from": "company", "to": "customer"}
"""What stands in place of `manager`."""
_BOUNDARY = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "==": "!=", "!=": "=="}
_OPPOSITE = {">=": "<", ">": "<=", "<=": ">", "<": ">="}
_NUMBERS = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)|(?P<clock>\b\d{1,2}:\d\d\b)|(?P<number>\d+)")
_SIDES = {"before": "after", "after": "before", "year": "month", "month": "year"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One campaign with one thing changed. `loc` is where, below the campaign; `place` is the same as file:line."""

    campaign: Campaign
    loc: Loc
    place: str
    change: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The test that noticed the mutant; None: it survived."""

    mutant: Mutant
    noticed_by: str | None


# ---------------------------------------------------------------- making them


def mutants(workspace: Workspace, root: Path, name: str) -> Iterator[Mutant]:
    """Every sound mutant of the campaign, in the order of the file."""
    raw = _raw(root, name)
    plain = data(raw)
    for loc, text in _scalars(raw):
        for changed in dict.fromkeys(_changes(workspace, name, loc, text)):
            rule = copy.deepcopy(plain)
            _put(rule, loc, changed)
            try:
                campaign = Campaign.model_validate({**rule, "name": name}, by_alias=True, by_name=False)
                conditions(workspace, campaign)
            except (ValidationError, ExpressionErrors):
                continue  # `regulars check` refuses it before any test
            if campaign != workspace.rulebook.campaigns[name]:
                span = workspace.rulebook.span("campaigns", name, *loc)
                place = f"{Path(span.path).name}:{span.line}" if span else name
                yield Mutant(campaign, loc, place, f"{loc[-1]}: {text} → {changed}")


def _raw(root: Path, name: str) -> Entries:
    for path in sorted((root / "campaigns").rglob("*.yaml")):
        found = find(read(path, str(path)).root, ("campaigns", name))
        if isinstance(found, Entries):
            return found
    raise LookupError(name)


def _scalars(node: Node, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    if isinstance(node, Scalar):
        if not {str(part) for part in loc} & set(NAMES):
            yield loc, node.text
    elif isinstance(node, Entries):
        for key, entry in node.entries.items():
            yield from _scalars(entry.value, (*loc, key))
    else:
        for index, item in enumerate(node.items):
            yield from _scalars(item, (*loc, index))


def _put(rule: Any, loc: Loc, value: str) -> None:
    for part in loc[:-1]:
        rule = rule[part]
    rule[loc[-1]] = value


def _changes(workspace: Workspace, name: str, loc: Loc, text: str) -> Iterator[str]:
    key = str(loc[-1])
    if key in CONDITIONS or (key == "to" and loc[0] == "waves"):
        yield from _of_condition(workspace.catalogue, text, workspace.rulebook.campaigns[name])
    elif key == "priority":
        yield from _past_neighbours(workspace, name)
    elif key in ("kind", "from", "to", "each") and loc == (key,):
        yield _OTHER_SIDE.get(key, text) if text == "manager" else _OTHER_WORD.get(text, text)
    else:
        if key == "until" and " with same " in text:
            yield text.partition(" with same ")[0]
        if key in ("on", "until"):
            event, space, rest = text.partition(" ")
            yield from (f"{other}{space}{rest}" for other in _other_events(workspace.catalogue, event))
        elif key == "goal":
            event, _, rest = text.partition(" ")
            yield from (f"{other} {rest}" for other in _other_events(workspace.catalogue, event))
        yield from _numbers(text)
        for word, other in _SIDES.items():
            yield re.sub(rf"\b{word}\b", other, text)


def _past_neighbours(workspace: Workspace, name: str) -> Iterator[str]:
    """The priority moved past the campaign that comes next before or after."""
    mine = workspace.rulebook.campaigns[name].priority
    others = [c.priority for c in workspace.rulebook.campaigns.values() if c.name != name]
    higher, lower = [each for each in others if each > mine], [each for each in others if each < mine]
    if higher:
        yield str(min(higher) + 1)
    if lower:
        yield str(max(lower) - 1)


def _other_events(catalogue: Catalogue, event: str) -> Iterator[str]:
    """Another event: the next one by name, and the other side of a pair such as opened and resolved."""
    events = sorted(catalogue.events)
    kin = [each for each in events if each.split(".")[0] == event.split(".", maxsplit=1)[0] and each != event]
    at = events.index(event) if event in events else 0
    yield (kin or [events[(at + 1) % len(events)]])[0]


def _numbers(text: str) -> Iterator[str]:
    """Each number one more and one less, each clock by an hour, each date by a day."""
    for found in _NUMBERS.finditer(text):
        for step in (1, -1):
            if found["date"]:
                changed = (date.fromisoformat(found[0]) + timedelta(days=step)).isoformat()
            elif found["clock"]:
                hour, minute = found[0].split(":")
                changed = f"{(int(hour) + step) % 24:02}:{minute}"
            else:
                changed = str(int(found[0]) + step)
            yield text[: found.start()] + changed + text[found.end() :]


# ---------------------------------------------------------------- in conditions


def _of_condition(catalogue: Catalogue, text: str, campaign: Campaign) -> Iterator[str]:
    for node in _walk(parse(text, catalogue, campaign.on, product=campaign.new is not None).node):
        if isinstance(node, nodes.Literal):
            put: Sequence[str] = list(_of_literal(text, node))
            yield from (text[: node.start] + each + text[node.end :] for each in put)
        elif isinstance(node, (nodes.History, nodes.Bought)):
            yield from _of_call(catalogue, text, node)
        elif isinstance(node, (nodes.IsNone, nodes.Member)):
            yield from _turned(text, node)
        else:
            yield from _of_operator(text, node)


def _of_operator(text: str, node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Compare():
            between = text[node.left.end : node.right.start]
            for others in (_BOUNDARY, _OPPOSITE):
                if node.op.value in others:
                    changed = between.replace(node.op.value, others[node.op.value], 1)
                    yield text[: node.left.end] + changed + text[node.right.start :]
        case nodes.AllOf() | nodes.AnyOf():
            own, other = ("and", "or") if isinstance(node, nodes.AllOf) else ("or", "and")
            for left, right in pairwise(node.operands):
                between = text[left.end : right.start].replace(own, other, 1)
                yield text[: left.end] + between + text[right.start :]
        case nodes.Not() if text.startswith("not ", node.start):
            yield text[: node.start] + text[node.start + 4 :]


def _of_literal(text: str, node: nodes.Literal) -> Iterator[str]:
    written = text[node.start : node.end]
    if isinstance(node.value, bool):
        yield "false" if node.value else "true"
    elif isinstance(node.value, str):
        yield "'something else'"
    else:
        yield from _numbers(written)


def _turned(text: str, node: nodes.IsNone | nodes.Member) -> Iterator[str]:
    tail = text[node.operand.end : node.end]
    word = "is" if isinstance(node, nodes.IsNone) else "in"
    plain, turned = (f"{word} ", f"{word} not ") if word == "is" else ("in ", "not in ")
    changed = tail.replace(turned, plain, 1) if turned in tail else tail.replace(plain, turned, 1)
    yield text[: node.operand.end] + changed + text[node.end :]


def _of_call(catalogue: Catalogue, text: str, node: nodes.History | nodes.Bought) -> Iterator[str]:
    """`did('event', within='14 days')`: another event or product, another time."""
    call = text[node.start : node.end]
    for found in re.finditer(r"'([^']*)'|\"([^\"]*)\"", call):
        value = found[1] or found[2] or ""
        if re.search(r"within\s*=\s*$", call[: found.start()]):
            changes = list(_numbers(value))
        elif isinstance(node, nodes.History):
            changes = list(_other_events(catalogue, value))
        else:
            changes = ["something-else"]
        for changed in changes:
            at = node.start + found.start() + 1
            yield text[:at] + changed + text[at + len(value) :]


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for part in node.parts():
        yield from _walk(part)


# ---------------------------------------------------------------- judging them


def conditions(workspace: Workspace, campaign: Campaign) -> dict[Loc, Any]:
    """The conditions of the campaign, compiled; raises ExpressionErrors."""
    return {loc: read_condition(text, loc, campaign, workspace.catalogue) for loc, text in written(campaign)}


def with_campaign(workspace: Workspace, campaign: Campaign) -> Workspace:
    """The workspace with this campaign in place of the one of its name."""
    campaigns = {**workspace.rulebook.campaigns, campaign.name: campaign}
    kept = {loc: found for loc, found in workspace.conditions.items() if loc[:2] != ("campaigns", campaign.name)}
    book = replace(workspace.rulebook, campaigns=campaigns)
    return replace(workspace, rulebook=book, conditions=kept | conditions(workspace, campaign))


def speaking_of(workspace: Workspace, name: str) -> list[RuleTest]:
    """The tests that speak of the campaign."""

    def speaks(test: RuleTest) -> bool:
        given = [one for one in test.expect.values() if isinstance(one, Expectation)]
        return name in test.expect or any(name == one.winner or name in one.outranks for one in given)

    return [test for test in workspace.rulebook.tests if speaks(test)]


def judge(
    workspace: Workspace, root: Path, name: str, done: Callable[[Verdict], None] = lambda verdict: None,
    engine: Engine | None = None,
) -> list[Verdict]:  # fmt: skip
    """Runs the tests of the campaign on each of its mutants; those that notice most are asked first.

    A test runs among those campaigns alone that it names, which takes a fraction of the time, unless it needs others;
    what none notices so is shown all of them among all campaigns.
    """
    fails = partial(_fails, engine or in_memory(), StatementCache())
    tests, verdicts = speaking_of(workspace, name), list[Verdict]()
    alone = {test.name for test in tests if not fails(among(workspace, test), test)}
    credit = dict.fromkeys((test.name for test in tests), 0)
    for mutant in mutants(workspace, root, name):
        changed = with_campaign(workspace, mutant.campaign)
        order = sorted(tests, key=lambda test: (-credit[test.name], test.name not in alone))
        stages = ((test, among(changed, test) if test.name in alone else changed) for test in order)
        noticed = next((test.name for test, stage in stages if fails(stage, test)), None)
        if noticed is None:  # perhaps only where others take a place under the cap
            noticed = next((test.name for test in order if test.name in alone and fails(changed, test)), None)
        if noticed is not None:
            credit[noticed] += 1
        verdicts.append(Verdict(mutant, noticed))
        done(verdicts[-1])
    return verdicts


def among(workspace: Workspace, test: RuleTest) -> Workspace:
    """The workspace with only those campaigns that the test names."""
    given = [one for one in test.expect.values() if isinstance(one, Expectation)]
    named = {*test.expect, *(one.winner for one in given), *(other for one in given for other in one.outranks)}
    kept = {name: campaign for name, campaign in workspace.rulebook.campaigns.items() if name in named}
    return replace(workspace, rulebook=replace(workspace.rulebook, campaigns=kept))


def _fails(engine: Engine, cache: StatementCache, workspace: Workspace, test: RuleTest) -> bool:
    try:
        return not run_trial(engine, workspace, test, cache).passed
    except RegularsError:
        return True
