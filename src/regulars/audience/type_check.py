"""From Jinja's tree to typed nodes: every name, attribute and type is known, or a problem is added.

A faulty part becomes None after its problem is added, and parts that contain it add none:
one mistake is reported once, and all mistakes are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar

from jinja2 import nodes as jinja

from regulars.audience import function_calls, nodes
from regulars.audience.check_context import CheckContext
from regulars.audience.literals import KINDS, adapt, local_days, mismatch, number, usable, within_range
from regulars.audience.nodes import Comparison, Node
from regulars.audience.problems import Wrong
from regulars.audience.vocabulary import FUNCTIONS
from regulars.core.diagnostics import did_you_mean
from regulars.rules.fields import PRODUCT, FieldType

_COMPARISONS = {
    "eq": Comparison.EQ, "ne": Comparison.NE, "lt": Comparison.LT,
    "lteq": Comparison.LE, "gt": Comparison.GT, "gteq": Comparison.GE,
}  # fmt: skip
_OPERATORS: dict[type[jinja.Expr], str] = {jinja.Add: "+", jinja.Sub: "-", jinja.Mul: "*", jinja.Div: "/"}
_FOREIGN: dict[type[jinja.Expr], tuple[str, str | None]] = {
    jinja.Filter: ("filters belong in templates, not in conditions", None),
    jinja.Concat: ("texts cannot be joined with `~` in a condition", None),
    jinja.Getitem: ("`[…]` cannot pick a part of a value in a condition", None),
    jinja.Mod: ("`%` is not part of conditions", None),
    jinja.FloorDiv: ("`//` is not part of conditions", "write `/`"),
    jinja.Pow: ("`**` is not part of conditions", "write `x * x`"),
    jinja.Dict: ("`{…}` is not part of conditions", None),
    jinja.List: ("a list can only stand after `in` or `not in`", None),
    jinja.Tuple: ("a list can only stand after `in` or `not in`", None),
}
Sides = dict[jinja.Expr, Node | None]
_NAMES = ("customer", "event", "product", "today", "now")


class Checker(CheckContext):
    """Checks one condition against a catalogue."""

    # ---------------------------------------------------------------- values

    def value(self, node: jinja.Node) -> Node | None:
        """The typed node for any expression, or None when a problem was added."""
        return self._collecting(self._value, node)

    def condition(self, node: jinja.Node) -> Node | None:
        """A value that must be yes or no, or None when a problem was added."""
        return self._collecting(self._condition, node)

    def plain(self, node: jinja.Node) -> Node | None:
        """A value that must be a text or a number, or None when a problem was added."""
        return self._collecting(self._plain, node)

    def number(self, node: jinja.Node) -> Node | None:
        """A value that must be a number, or None when a problem was added."""
        return self._collecting(self._number, node)

    def text(self, node: jinja.Node) -> Node | None:
        """A value that must be a text, or None when a problem was added."""
        return self._collecting(self._text, node)

    def _collecting(self, read: Callable[[jinja.Node], Node | None], node: jinja.Node) -> Node | None:
        try:
            return read(node)
        except Wrong as wrong:
            self.add_problem(wrong)
            return None

    def _value(self, node: jinja.Node) -> Node | None:
        for kind, (message, hint) in _FOREIGN.items():
            if isinstance(node, kind):
                raise self.wrong(node, message, hint=hint)
        for kind, read in self._READERS.items():
            if isinstance(node, kind):
                return read(self, node)
        raise self.wrong(node, f"`{self.words(node)}` is not part of conditions")

    def _condition(self, node: jinja.Node) -> Node | None:
        found = self.value(node)
        if found is None or found.type is FieldType.BOOL:
            return found
        written = self.words(node)
        hint = f"write `{written} > 0`" if found.type is FieldType.NUMBER else f"write `{written} is not none`"
        if isinstance(found, nodes.Literal):
            hint = "compare it with something"
        raise self.wrong(node, f"`{written}` is {KINDS[found.type]}, not a yes or no", "a comparison", hint)

    def _plain(self, node: jinja.Node) -> Node | None:
        found = self.value(node)
        if found is None or found.type in (FieldType.TEXT, FieldType.NUMBER):
            return found
        raise self.wrong(node, f"`{self.words(node)}` is {KINDS[found.type]}", "a text or a number of the client")

    def _number(self, node: jinja.Node) -> Node | None:
        found = self.value(node)
        if found is None or found.type is FieldType.NUMBER:
            return found
        hint = None
        if found.type in (FieldType.DATE, FieldType.INSTANT):
            hint = f"`days_since({self.words(node)})` is a number"
        raise self.wrong(node, f"`{self.words(node)}` is {KINDS[found.type]}, not a number", "a number", hint)

    def _text(self, node: jinja.Node) -> Node | None:
        found = self.value(node)
        if found is None or found.type is FieldType.TEXT:
            return found
        raise self.wrong(node, f"`{self.words(node)}` is {KINDS[found.type]}, not a text", "a text")

    def _const(self, node: jinja.Const) -> Node | None:
        start, end = self.place(node)
        match node.value:
            case bool():
                return nodes.Literal(start, end, FieldType.BOOL, node.value)
            case int() | float():
                if (found := number(node.value)) is None:
                    raise self.wrong(node, "numbers reach from 0.000000000000001 to 1000000000000000 here")
                return nodes.Literal(start, end, FieldType.NUMBER, found)
            case str():
                if (wrong := usable(node.value)) is not None:
                    raise self.wrong(node, wrong)
                return nodes.Literal(start, end, FieldType.TEXT, node.value)
        raise self.wrong(node, "`none` cannot be used here", hint="write `x is none` or `x is not none`")

    def _name(self, node: jinja.Name) -> Node | None:
        start, end = self.place(node)
        if node.name == "today":
            return nodes.Today(start, end, FieldType.DATE)
        if node.name == "now":
            return nodes.Now(start, end, FieldType.INSTANT)
        if node.name in ("customer", "event", "product"):
            raise self.wrong(node, f"`{node.name}` alone is not a value", f"`{node.name}.` and a field")
        if node.name in FUNCTIONS:
            raise self.wrong(node, f"`{node.name}` is a function", f"`{FUNCTIONS[node.name].usage}`")
        if node.name in self.catalogue.fields:
            hint: str | None = f"did you mean `customer.{node.name}`?"
        elif node.name in ("null", "None", "NULL", "nil"):
            hint = "write `x is none` or `x is not none`"
        else:
            hint = did_you_mean(node.name, [*_NAMES, *FUNCTIONS]) or "texts stand in quotes: 'like this'"
        raise self.wrong(node, f"there is no `{node.name}` in conditions", "`customer.FIELD` or a function", hint)

    def _attribute(self, node: jinja.Getattr) -> Node | None:
        start, end = self.place(node)
        tail = (end - len(node.attr), end)
        owner = node.node.name if isinstance(node.node, jinja.Name) else None
        if owner == "customer":
            if (field := self.catalogue.fields.get(node.attr)) is not None:
                return nodes.CustomerField(start, end, field.type, field.name, field.custom)
            hint = did_you_mean(node.attr, self.catalogue.fields)
            raise self.wrong(tail, f"clients have no field `{node.attr}`", "a field of the client", hint)
        if owner == "event":
            return self._event_field(node, tail)
        if owner == "product":
            return self._product_field(node, tail)
        if owner is not None and owner not in (*_NAMES, *FUNCTIONS):
            raise self.wrong(node.node, f"there is no `{owner}` in conditions", "`customer` or `event`",
                                did_you_mean(owner, ("customer", "event")))  # fmt: skip
        if self.value(node.node) is None:
            return None
        raise self.wrong(tail, f"`{self.words(node.node)}` is a single value and has no `{node.attr}`")

    def _product_field(self, node: jinja.Getattr, tail: tuple[int, int]) -> Node | None:
        if not self.product:
            raise self.wrong(node, f"`product` {self._unknown_subject('a new product sets the campaign off')}")
        if node.attr not in PRODUCT:
            raise self.wrong(tail, f"products have no field `{node.attr}`", "a field of the product",
                                did_you_mean(node.attr, PRODUCT))  # fmt: skip
        return nodes.ProductField(*self.place(node), PRODUCT[node.attr], node.attr)

    def _unknown_subject(self, known: str) -> str:
        if self.role == "segment":
            return f"is not known in a segment, which is about the client alone; only where {known}"
        return f"is known only where {known}"

    def _event_field(self, node: jinja.Getattr, tail: tuple[int, int]) -> Node | None:
        start, end = self.place(node)
        if self.event is None:
            raise self.wrong(node, f"`event` {self._unknown_subject('a campaign starts `on` an event')}")
        if self.event not in self.catalogue.events:
            raise self.wrong(node, f"the event `{self.event}` is not declared",
                                hint=did_you_mean(self.event, self.catalogue.events))  # fmt: skip
        declared = {"at": FieldType.INSTANT} | dict(self.catalogue.events[self.event])
        if node.attr not in declared:
            raise self.wrong(tail, f"the event `{self.event}` has no field `{node.attr}`",
                                "a declared field of the event", did_you_mean(node.attr, declared))  # fmt: skip
        kind = FieldType.INSTANT if node.attr == "at" else declared[node.attr]
        return nodes.EventField(start, end, kind, self.event, node.attr)

    def _arithmetic(self, node: jinja.BinExpr) -> Node | None:
        left, right = self.number(node.left), self.number(node.right)
        if left is None or right is None:
            return None
        found = nodes.Arithmetic(*self.place(node), FieldType.NUMBER, _OPERATORS[type(node)], left, right)
        if not within_range(found):
            raise self.wrong(node, "too much multiplication and division: the result could leave the range of numbers")
        return found

    def _signed(self, node: jinja.UnaryExpr) -> Node | None:
        found = self.number(node.node)
        if found is None or isinstance(node, jinja.Pos):
            return found
        start, end = self.place(node)
        if isinstance(found, nodes.Literal) and isinstance(found.value, float):
            return nodes.Literal(start, end, FieldType.NUMBER, 0.0 - found.value)
        return nodes.Negate(start, end, FieldType.NUMBER, found)

    # ---------------------------------------------------------------- logic

    def _not(self, node: jinja.Not) -> Node | None:
        found = self.condition(node.node)
        return None if found is None else nodes.Not(*self.place(node), FieldType.BOOL, found)

    def _joined(self, node: jinja.BinExpr) -> Node | None:
        found = [self.condition(part) for part in _flat(node)]
        if any(part is None for part in found):
            return None
        kind = nodes.AllOf if isinstance(node, jinja.And) else nodes.AnyOf
        return kind(*self.place(node), FieldType.BOOL, tuple(part for part in found if part is not None))

    def _choose(self, node: jinja.CondExpr) -> Node | None:
        condition = self.condition(node.test)
        if node.expr2 is None:
            raise self.wrong(node, "this `if` has no `else`", "`x if condition else y`")
        unknown = [_is_none(e) for e in (node.expr1, node.expr2)]
        if all(unknown):
            raise self.wrong(node, "both branches are `none`")
        branches = [None if none else self.value(e) for e, none in zip((node.expr1, node.expr2), unknown, strict=True)]
        if condition is None or any(b is None and not none for b, none in zip(branches, unknown, strict=True)):
            return None
        kinds = {b.type for b in branches if b is not None}
        if len(kinds) > 1:
            one, other = (KINDS[b.type] for b in branches if b is not None)
            raise self.wrong(node, f"one branch is {one}, the other {other}", "the same kind of value in both")
        kind = kinds.pop()
        yes, no = (
            b or nodes.Literal(*self.place(e), kind, None)
            for b, e in zip(branches, (node.expr1, node.expr2), strict=True)
        )
        return nodes.Choose(*self.place(node), kind, yes, condition, no)

    def _test(self, node: jinja.Test) -> Node | None:
        hints = {"defined": "write `is not none`", "undefined": "write `is none`", "null": "write `is none`"}
        operand = self.value(node.node)
        if node.name != "none" or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            end = self.place(node)[1]
            raise self.wrong((end - len(node.name), end) if not node.args else node,
                                f"`is {node.name}` is not part of conditions", "`is none` or `is not none`",
                                hints.get(node.name, "write `==`"))  # fmt: skip
        return None if operand is None else nodes.IsNone(*self.place(node), FieldType.BOOL, operand)

    # ---------------------------------------------------------------- comparisons

    def _compare(self, node: jinja.Compare) -> Node | None:
        found: list[Node | None] = []
        listed = [o.expr for o in node.ops if o.op in ("in", "notin") and _is_list(o.expr)]
        written = [e for e in (node.expr, *(o.expr for o in node.ops)) if not any(e is each for each in listed)]
        sides: Sides = {e: self.value(e) for e in written if not _is_none(e)}
        left = node.expr
        for operand in node.ops:
            right = operand.expr
            if any(left is each for each in listed):
                raise self.wrong(left, *_FOREIGN[jinja.List])
            found.append(self._membership(left, operand, sides) if operand.op in ("in", "notin")
                         else self._comparison(left, _COMPARISONS[operand.op], right, sides))  # fmt: skip
            left = right
        if any(part is None for part in found):
            return None
        whole = tuple(part for part in found if part is not None)
        return whole[0] if len(whole) == 1 else nodes.AllOf(*self.place(node), FieldType.BOOL, whole)

    def _between(self, left: jinja.Node, right: jinja.Node) -> tuple[int, int]:
        return self.source.span(left, wide=True)[0], self.source.span(right, wide=True)[1]

    def _comparison(self, left: jinja.Expr, op: Comparison, right: jinja.Expr, sides: Sides) -> Node | None:
        place = self._between(left, right)
        for side, other in ((left, right), (right, left)):
            if _is_none(side):
                negation = "is not none" if op is Comparison.NE else "is none"
                raise self.wrong(place, "nothing can be compared with `none`: it is unknown",
                                    hint=f"write `{self.words(other)} {negation}`")  # fmt: skip
        one, two = sides.get(left), sides.get(right)
        if one is None or two is None:
            return None
        one, two = local_days(adapt(self, one, two.type), adapt(self, two, one.type))
        if (wrong := mismatch(op, one, two, self.words(one), self.words(two))) is not None:
            raise self.wrong(place, *wrong)
        return nodes.Compare(*place, FieldType.BOOL, op, one, two)

    def _membership(self, left: jinja.Expr, operand: jinja.Operand, sides: Sides) -> Node | None:
        place, right = self._between(left, operand.expr), operand.expr
        one = sides.get(left)
        if isinstance(right, (jinja.List, jinja.Tuple)):
            items = [self._collecting(partial(self._item, wanted=one), item) for item in right.items]
            known = tuple(item for item in items if isinstance(item, nodes.Literal))
            if one is None or len(known) < len(items):
                return None
            found: Node = nodes.Member(*place, FieldType.BOOL, one, known)
        else:
            two = sides.get(right)
            if one is None or two is None:
                return None
            if not isinstance(two, (nodes.CustomerField, nodes.EventField)) or two.type is not FieldType.LIST:
                hint = f"write `[{self.words(right)}]`" if isinstance(two, nodes.Literal) else None
                if two.type is FieldType.TEXT and hint is None:
                    hint = f"write `contains({self.words(right)}, {self.words(left)})`"
                raise self.wrong(right, f"`{self.words(right)}` is not a list", "a list such as `['EE', 'LV']`", hint)
            if one.type is not FieldType.TEXT:
                raise self.wrong(left, f"`{self.words(left)}` is {KINDS[one.type]}; lists hold texts", "a text")
            found = nodes.Holds(*place, FieldType.BOOL, one, two)
        return found if operand.op == "in" else nodes.Not(*place, FieldType.BOOL, found)

    def _item(self, node: jinja.Node, wanted: Node | None) -> Node | None:
        if _is_none(node):
            raise self.wrong(node, "`none` cannot stand in a list", hint="write `or x is none`")
        found = self.value(node)
        if found is None or wanted is None:
            return None
        if not isinstance(found, nodes.Literal):
            raise self.wrong(node, "a list holds plain values, such as `['EE', 'LV']`", "a text or a number")
        adapted = adapt(self, found, wanted.type)
        if adapted.type is not wanted.type:
            message = f"`{self.words(node)}` is {KINDS[found.type]}, `{self.words(wanted)}` is {KINDS[wanted.type]}"
            raise self.wrong(node, message, KINDS[wanted.type])
        return adapted

    def _call(self, node: jinja.Call) -> Node | None:
        return function_calls.call(self, node)

    _READERS: ClassVar[dict[type[jinja.Expr], Callable[..., Node | None]]] = {
        jinja.Const: _const, jinja.Name: _name, jinja.Getattr: _attribute, jinja.Call: _call,
        jinja.Not: _not, jinja.And: _joined, jinja.Or: _joined, jinja.CondExpr: _choose,
        jinja.Test: _test, jinja.Compare: _compare, jinja.Neg: _signed, jinja.Pos: _signed,
        jinja.Add: _arithmetic, jinja.Sub: _arithmetic, jinja.Mul: _arithmetic, jinja.Div: _arithmetic,
    }  # fmt: skip


def _is_none(node: jinja.Node) -> bool:
    return isinstance(node, jinja.Const) and node.value is None


def _is_list(node: jinja.Node) -> bool:
    return isinstance(node, (jinja.List, jinja.Tuple))


def _flat(node: jinja.BinExpr) -> Iterator[jinja.Expr]:
    """The operands of a chain of the same operator: `a or b or c` is one list of three."""
    run: list[jinja.Expr] = []
    kind: type[jinja.Expr] = type(node)
    left: jinja.Expr = node
    while isinstance(left, jinja.BinExpr) and type(left) is kind:
        run.append(left.right)
        left = left.left
    yield left
    yield from reversed(run)
