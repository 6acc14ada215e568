"""The one Jinja environment: sandboxed, strict about names, and closed to everything an email has no use for.

Data are only ever values. No loader, no `safe`, no way for a value to become markup or template source.
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
    """What `{{ … }}` prints for a value: looked up for a text that was printed before, else worked out.

    A name or an address stands in an email many times, and the company's in all of them. Only plain texts are kept that
    are printed as they are: a `Markup` is equal to the plain text of the same characters, and both then look the same.
    Numbers would meet others that are equal and look different (`1`, `1.0`, `True`).
    """

    _MOST = 10_000

    def __init__(self, *, markup: bool) -> None:
        self._markup = markup

    def __missing__(self, value: Any) -> str:
        plain = printable(value)
        text = str(escape(plain)) if self._markup else str(plain)
        if self._markup and not text.isprintable():
            # Written so, a line break of the data's begins no line of the letter; see `compile.lined`.
            text = _BREAK.sub("&#10;", text)
        if len(text) > LONG:
            CURRENT.get().put(len(text))
        elif type(value) is str and text == value:
            if len(self) >= self._MOST:
                self.clear()
            self[value] = text
        return text


class _Counting(CodeGenerator):
    """Compiles loops and operations so that their work is counted; see `limits`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._loops = 0
        self._around: dict[int, tuple[str, str]] = {}
        """What is written before and after a node, by its id."""

    def visit(self, node: Node, *arguments: Any, **options: Any) -> Any:
        """Writes a node, and around it what was asked for."""
        before, after = self._around.pop(id(node), ("", ""))
        self.write(before)
        super().visit(node, *arguments, **options)
        self.write(after)

    def _weigh(self, node: Node) -> None:
        self._around[id(node)] = ("context.budget.weighed(", ")")

    def visit_For(self, node: For, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """A loop counts its rounds before it begins. Loops are numbered in the order in which they are written."""
        weight = sum(map(_weight, node.body))
        self._around[id(node.iter)] = ("context.budget.loop(", f", {self._loops}, {weight})")
        self._loops += 1
        super().visit_For(node, frame)

    def visit_Compare(self, node: Compare, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Two values of unknown size take as long to compare as they are large."""
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
        """A list that holds others is as large as all of them."""
        self._built(node, super().visit_List, frame)

    def visit_Tuple(self, node: Tuple, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """A tuple, unless it only names what is set."""
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
    """Whether a value stands in the template itself."""
    if isinstance(node, List | Tuple | Dict | Pair):
        return all(map(_constant, node.iter_child_nodes()))
    return isinstance(node, Const)


def _weight(node: Node) -> int:
    """How many characters a statement writes at least; loops count theirs themselves."""
    if isinstance(node, For):
        return 0
    if isinstance(node, TemplateData):
        return len(node.data)
    if isinstance(node, Output):
        return sum(_weight(each) if isinstance(each, TemplateData) else PRINTED for each in node.nodes)
    return sum(map(_weight, node.iter_child_nodes()))


class _Printing(_Counting):
    """Compiles what emails do most, without a call in Python.

    `{{ … }}` becomes a look-up in `Shown`, a third of the cost of `escape(finalize(…))`; `customer.name` a look-up in
    the dict that `customer` nearly always is.
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
    """Mappings are looked up by key only, so that `event.items` is the event's own field."""

    intercepted_binops = frozenset(["+", "*", "**", "%"])
    shown: Shown
    careful: Environment
    """The same as Jinja itself compiles it: slower, and it says of every value why it cannot be printed."""
    evaluation: EvalContext

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; what is not there is undefined."""
        if type(obj) is dict or isinstance(obj, Mapping):  # the first test is quick and nearly always true
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`; what is not there is undefined."""
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
        """`f(x)`, if an email may call it; all that a recursive loop goes through is counted too."""
        budget: Budget = context.budget  # type: ignore[attr-defined]
        if isinstance(function, LoopContext) and arguments:
            arguments = (budget.deeper(arguments[0], function.depth), *arguments[1:])
        elif function not in _FUNCTIONS:
            check_call(budget, function, (*arguments, *options.values()))
        return budget.made(super().call(context, function, *arguments, **options))


class Missing(StrictUndefined):
    """A name that is not there; says so in words about emails, not about Python objects."""

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
    """The values of one message; templates here have neither blocks nor globals, which a `Context` looks after."""

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
    """What is printed, counted as `Shown` does it: both ways of compiling fail alike."""
    plain = printable(value)
    if isinstance(plain, str) and len(plain) * 6 > LONG:
        shown[plain]
    return plain


HTML = _make(autoescape=True)
TEXT = _make(autoescape=False)

__all__ = ["HTML", "STATEMENTS", "TEXT", "Environment", "Missing", "Undefined", "Values", "printable"]
