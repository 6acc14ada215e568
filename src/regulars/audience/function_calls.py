"""Function calls: the arguments of each function, and its node."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from jinja2 import nodes as jinja

from regulars.audience import nodes, segment_calls, upcoming_calls
from regulars.audience.check_context import CheckContext
from regulars.audience.literals import KINDS, adapt
from regulars.audience.nodes import PURCHASE, Node
from regulars.audience.vocabulary import FUNCTIONS
from regulars.core.clock import duration
from regulars.core.diagnostics import did_you_mean
from regulars.rules.fields import FieldType

LONGEST = timedelta(days=36_500)
"""The longest `within`: a century."""

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "days_since": ("date",), "days_until": ("date",),
    "contains": ("text", "part"), "starts_with": ("text", "part"), "ends_with": ("text", "part"),
    "bought": ("what", "within"), "did": ("event", "within"), "count": ("event", "within"),
    "spent": ("within", "on"), "bought_quantity": ("what", "within"), "first": ("event",), "last": ("event",),
    "next": ("event", "at"), "has_upcoming": ("event", "at"), "in_segment": ("name",), "left_segment": ("name",),
}  # fmt: skip
_OPTIONAL = ("within", "on", "at")
_WRITTEN_OTHERWISE = {"category": "on", "product": "on", "sku": "on", "of": "on", "field": "at", "since": "within",
                      "days": "within", "segment": "name"}  # fmt: skip
"""Arguments as people call them, and what they are called here."""
_RESULTS = {"did": FieldType.BOOL, "count": FieldType.NUMBER, "spent": FieldType.NUMBER,
            "first": FieldType.INSTANT, "last": FieldType.INSTANT}  # fmt: skip

Arguments = dict[str, jinja.Expr]


def call(checker: CheckContext, node: jinja.Call) -> Node | None:
    """The node of a call, or None when one of its arguments is wrong; raises Wrong for the call itself."""
    if not isinstance(node.node, jinja.Name):
        raise checker.wrong(node.node, f"`{checker.words(node.node)}` is not a function", "a function",
                            f"functions are {', '.join(f'`{f}`' for f in FUNCTIONS)}")  # fmt: skip
    name = node.node.name
    if name not in FUNCTIONS:
        raise checker.wrong(node.node, f"there is no function `{name}`", "a function", did_you_mean(name, FUNCTIONS))
    given = _arguments(checker, node, name)
    if name in ("days_since", "days_until"):
        return _days(checker, node, given["date"], until=name == "days_until")
    if name in ("contains", "starts_with", "ends_with"):
        return _text_test(checker, node, name, given)
    if name in ("next", "has_upcoming"):
        return upcoming_calls.upcoming(checker, node, name, given["event"], given.get("at"))
    if name in ("in_segment", "left_segment"):
        return segment_calls.segment(checker, node, name, given["name"])
    return _history(checker, node, name, given)


def _history(checker: CheckContext, node: jinja.Call, name: str, given: Arguments) -> Node | None:
    """The calls about what happened, which may look back by `within`."""
    before = len(checker.problems)
    within = _within(checker, given.get("within"), product=name == "spent" and "on" not in given)
    place = checker.place(node)
    if name in ("bought", "bought_quantity") or "on" in given:
        what = checker.written(given["on" if name == "spent" else "what"], "a sku or category")
        if len(checker.problems) > before:
            return None
        if name == "bought":
            return nodes.Bought(*place, FieldType.BOOL, what, within)
        return nodes.Lines(*place, FieldType.NUMBER, name, what, within)
    event = PURCHASE if name == "spent" else _event(checker, given["event"])
    if len(checker.problems) > before:
        return None
    return nodes.History(*place, _RESULTS[name], name, event, within)


def _arguments(checker: CheckContext, node: jinja.Call, name: str) -> Arguments:
    """Arguments by parameter; only those of `_OPTIONAL` may be left out."""
    parameters, usage = _PARAMETERS[name], f"`{FUNCTIONS[name].usage}`"
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise checker.wrong(node, "arguments are written one by one", usage)
    if len(node.args) > len(parameters):
        raise checker.wrong(node.args[len(parameters)], f"`{name}` takes no more than {_many(parameters)}", usage)
    given: Arguments = dict(zip(parameters, node.args, strict=False))
    for keyword in node.kwargs:
        place = checker.source.before(checker.source.span(keyword.value, wide=True)[0], 2)
        if keyword.key not in parameters:
            other = _WRITTEN_OTHERWISE.get(keyword.key)
            near = did_you_mean(keyword.key, parameters)
            hint = f"write `{other}={checker.words(keyword.value)}`" if other in parameters else near
            raise checker.wrong(place, f"`{name}` has no argument `{keyword.key}`", usage, hint)
        if keyword.key in given:
            raise checker.wrong(place, f"`{keyword.key}` is given twice", usage)
        given[keyword.key] = keyword.value
    missing = [p for p in parameters if p not in given and p not in _OPTIONAL]
    if missing:
        raise checker.wrong(node, f"`{name}` needs {' and '.join(f'`{m}`' for m in missing)}", usage)
    return given


def _many(parameters: Sequence[str]) -> str:
    return "one argument" if len(parameters) == 1 else f"{len(parameters)} arguments"


def _event(checker: CheckContext, node: jinja.Expr) -> str:
    name = checker.written(node, "the name of an event")
    if name.strip() and name not in checker.catalogue.events:
        hint = did_you_mean(name, checker.catalogue.events)
        checker.add_problem(checker.wrong(node, f"there is no event `{name}`", "a declared event, or `purchase`", hint))
    return name


def _within(checker: CheckContext, node: jinja.Expr | None, *, product: bool = False) -> timedelta | None:
    """The span; `product`: a sku or category in its place is told where it goes."""
    if node is None:
        return None
    text = checker.written(node, "a duration such as `'30 days'`")
    if not text.strip():
        return None
    try:
        found = duration(text)
    except (ValueError, OverflowError):
        hint = f"write `spent(on={checker.words(node)})`" if product else None
        checker.add_problem(checker.wrong(node, f"`{text}` is not a duration", "a duration such as `'30 days'`", hint))
        return None
    if not timedelta() < found <= LONGEST:
        checker.add_problem(
            checker.wrong(node, f"`{text}` is no stretch of time to look back on", "1 minute up to 100 years")
        )
    return found


def _days(checker: CheckContext, node: jinja.Call, argument: jinja.Expr, *, until: bool) -> Node | None:
    found = checker.value(argument)
    if found is None:
        return None
    found = adapt(checker, found, FieldType.DATE)
    if found.type not in (FieldType.DATE, FieldType.INSTANT):
        raise checker.wrong(argument, f"`{checker.words(argument)}` is {KINDS[found.type]}, not a date", "a date")
    return nodes.DaysSince(*checker.place(node), FieldType.NUMBER, found, until)


def _text_test(checker: CheckContext, node: jinja.Call, name: str, given: Arguments) -> Node | None:
    sides = [checker.text(given["text"]), checker.text(given["part"])]
    if sides[0] is None or sides[1] is None:
        return None
    return nodes.TextTest(*checker.place(node), FieldType.BOOL, name, sides[0], sides[1])
