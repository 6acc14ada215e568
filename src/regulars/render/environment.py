"""The Jinja environment: sandboxed, with strict undefined names, and restricted to what emails need.

Data are always values: no loader, no `safe`, no way for a value to become markup or template source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import (
    Compare,
    Concat,
    Const,
    Dict,
    EvalContext,
    Expr,
    For,
    Getattr,
    List,
    Name,
    Node,
    Output,
    Pair,
    TemplateData,
    Tuple,
)
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from regulars.render import calls, filters
from regulars.render.calls import check_call
from regulars.render.limits import CURRENT, LONG, PRINTED, Budget, operate
from regulars.render.link_tracking import followed
from regulars.render.printing import printable
from regulars.render.question_calls import QuestionCall

KEPT_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "int",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "string",
    "sum",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
]
_BREAK = re.compile(r"\r\n?|\n")
STATEMENTS = frozenset(["for", "else", "elif", "endfor", "if", "endif", "set", "endset", "with", "endwith"])


class Shown(dict[Any, str]):
    """The cache of what `{{ … }}` prints for a value: texts printed before are looked up.

    A name or an address occurs many times in an email, and the company's in all of them. Only plain texts that are
    printed unchanged are cached: a `Markup` equals the plain text of the same characters, and both print the same.
    Numbers are not, because equal ones print differently (`1`, `1.0`, `True`).
    """

    _MOST = 10_000

    def __init__(self, *, markup: bool) -> None:
        self._markup = markup

    def __missing__(self, value: Any) -> str:
        plain = printable(value)
        text = str(escape(plain)) if self._markup else str(plain)
        if self._markup and not text.isprintable():
            # Encoded, so that a line break in data starts no line of the message; see `compile.lined`.
            text = _BREAK.sub("&#10;", text)
        if len(text) > LONG:
            CURRENT.get().put(len(text))
        elif type(value) is str and text == value:
            if len(self) >= self._MOST:
                self.clear()
            self[value] = text
        return text


class _Counting(CodeGenerator):
    """Compiles loops and operations with counters; see `limits`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._loops = 0
        self._around: dict[int, tuple[str, str]] = {}
        """Code written before and after a node, by its id."""

    def visit(self, node: Node, *arguments: Any, **options: Any) -> Any:
        """Writes a node, with the code around it."""
        before, after = self._around.pop(id(node), ("", ""))
        self.write(before)
        super().visit(node, *arguments, **options)
        self.write(after)

    def _weigh(self, node: Node) -> None:
        self._around[id(node)] = ("context.budget.weighed(", ")")

    def visit_For(self, node: For, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """A loop counts its rounds before it begins. Loops are numbered in source order."""
        weight = sum(map(_weight, node.body))
        self._around[id(node.iter)] = ("context.budget.loop(", f", {self._loops}, {weight})")
        self._loops += 1
        super().visit_For(node, frame)

    def visit_Compare(self, node: Compare, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """The cost of comparing two values grows with their size."""
        operands = [node.expr, *(operand.expr for operand in node.ops)]
        search = any(operand.op in ("in", "notin") for operand in node.ops)
        if search or not any(isinstance(each, Const) for each in operands):
            for each in operands:
                if not _constant(each):
                    self._weigh(each)
        super().visit_Compare(node, frame)

    def visit_Concat(self, node: Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """`a ~ b`."""
        self.write("context.budget.")
        super().visit_Concat(node, frame)

    def visit_List(self, node: List, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """The size of a list includes nested lists."""
        self._built(node, super().visit_List, frame)

    def visit_Tuple(self, node: Tuple, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """A tuple, unless it is an assignment target."""
        self._built(node, super().visit_Tuple, frame)

    def visit_Dict(self, node: Dict, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """A mapping."""
        self._built(node, super().visit_Dict, frame)

    def _built(self, node: Any, write: Callable[[Any, Frame], None], frame: Frame) -> None:
        counted = getattr(node, "ctx", "load") == "load" and not _constant(node)
        self.write("context.budget.weighed(" if counted else "")
        write(node, frame)
        self.write(")" if counted else "")


def _constant(node: Node) -> bool:
    """Whether a value is a constant of the template."""
    if isinstance(node, List | Tuple | Dict | Pair):
        return all(map(_constant, node.iter_child_nodes()))
    return isinstance(node, Const)


def _weight(node: Node) -> int:
    """The minimum number of characters a statement writes; loops count their own."""
    if isinstance(node, For):
        return 0
    if isinstance(node, TemplateData):
        return len(node.data)
    if isinstance(node, Output):
        return sum(_weight(each) if isinstance(each, TemplateData) else PRINTED for each in node.nodes)
    return sum(map(_weight, node.iter_child_nodes()))


class _Printing(_Counting):
    """Compiles the most frequent operations of emails without a Python call.

    `{{ … }}` becomes a look-up in `Shown`, a third of the cost of `escape(finalize(…))`; `customer.name` a look-up in
    the dict that `customer` usually is.
    """

    def visit_Getattr(self, node: Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        if isinstance(node.node, Name):
            owner = frame.symbols.ref(node.node.name)
            self.write(f"({owner}[{node.attr!r}] if type({owner}) is dict and {node.attr!r} in {owner} else ")
            super().visit_Getattr(node, frame)
            self.write(")")
        else:
            super().visit_Getattr(node, frame)

    def _output_child_pre(self, node: Expr, frame: Any, finalize: Any) -> None:
        self.write("environment.shown[")

    def _output_child_post(self, node: Expr, frame: Any, finalize: Any) -> None:
        self.write("]")


_FUNCTIONS = tuple(filters.FUNCTIONS.values())


class Environment(ImmutableSandboxedEnvironment):
    """Mappings are looked up by key only, so that `event.items` is the field of the event."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])
    shown: Shown
    careful: Environment
    """The same, compiled by Jinja itself: slower, but with an error message for every value that cannot be printed."""
    evaluation: EvalContext

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; undefined if missing."""
        if type(obj) is dict or isinstance(obj, Mapping):  # the first test is quick and nearly always true
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`; undefined if missing."""
        if isinstance(obj, Mapping):
            try:
                return obj[argument]
            except (KeyError, TypeError):
                return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left + right`, `*`, `**` or `%`, unless it grows too large."""
        budget: Budget = context.budget  # type: ignore[attr-defined]  # both of our contexts have one
        operate(budget, operator, left, right)
        return budget.made(super().call_binop(context, operator, left, right))

    def call(self, context: Context, function: Any, /, *arguments: Any, **options: Any) -> Any:
        """`f(x)`, if an email may call it; recursive loops are counted too."""
        budget: Budget = context.budget  # type: ignore[attr-defined]
        if isinstance(function, LoopContext) and arguments:
            arguments = (budget.deeper(arguments[0], function.depth), *arguments[1:])
        elif function not in _FUNCTIONS and type(function) is not QuestionCall:
            check_call(budget, function, (*arguments, *options.values()))
        return budget.made(super().call(context, function, *arguments, **options))


class Missing(StrictUndefined):
    """An undefined name, with an error message about emails, not about Python objects."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f"`{self._undefined_name}` is not defined"


class CountedContext(Context):
    """Jinja's context, with a budget."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.budget = Budget()


class Values(Context):
    """The values of one message; without the blocks and globals of a `Context`, which templates here do not have."""

    def __init__(self, environment: Environment, values: dict[str, Any]) -> None:
        self.parent, self.vars, self.exported_vars = values, {}, set()
        self.environment, self.eval_ctx = environment, environment.evaluation
        self.name, self.globals_keys, self.blocks = None, set(), {}
        self.budget = Budget()


def _make(*, autoescape: bool) -> Environment:
    environment, careful = _jinja(autoescape), _jinja(autoescape)
    environment.code_generator_class = _Printing
    environment.careful = careful.careful = careful
    environment.evaluation = EvalContext(environment)
    return environment


def _jinja(autoescape: bool) -> Environment:
    shown = Shown(markup=autoescape)
    environment = Environment(
        autoescape=autoescape,
        undefined=Missing,
        finalize=lambda value: _counted(value, shown),
        keep_trailing_newline=True,
        cache_size=0,
    )
    environment.shown = shown
    environment.code_generator_class, environment.context_class = _Counting, CountedContext
    environment.filters = calls.filters(KEPT_FILTERS, filters.present) | filters.FILTERS | {"followed": followed}
    environment.tests = calls.tests()  # type: ignore[assignment]
    environment.globals = dict(filters.FUNCTIONS)
    return environment


def _counted(value: Any, shown: Shown) -> Any:
    """Counts printed values as `Shown` does, so that both ways of compiling fail in the same way."""
    plain = printable(value)
    if isinstance(plain, str) and len(plain) * 6 > LONG:
        shown[plain]
    return plain


HTML = _make(autoescape=True)
TEXT = _make(autoescape=False)

__all__ = ["HTML", "STATEMENTS", "TEXT", "Environment", "Missing", "Undefined", "Values", "printable"]
